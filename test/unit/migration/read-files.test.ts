import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MigrationError } from '../../../migration/errors.ts'
import { readFiles } from '../../../migration/inventory/read-files.ts'
import { NotReadable, type Snapshot } from '../../../migration/inventory/snapshot.ts'

async function folder(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mb-files-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, file)), { recursive: true })
    await writeFile(join(directory, file), text)
  }
  return directory
}

function faultsOf({ source }: Snapshot): readonly string[] {
  assert.ok(source.from === 'files')
  return source.faults.map(({ file, line, message }) => `${file}:${line} ${message}`)
}

const policy = (name: string, extra = '') => `apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata:
  name: ${name}
  namespace: shop
${extra}`

test('documents, lists and JSON are read from all folders, whatever the version of Istio’s API', async (t) => {
  const directory = await folder(t, {
    'policies.yaml': `${policy('one')}---\n# nothing here\n---\n${policy('two')}`,
    'deep/list.yml': `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: cart, namespace: shop}\n  spec: {}\n`,
    'deep/er/pods.json': JSON.stringify({
      apiVersion: 'v1',
      kind: 'PodList',
      items: [{ metadata: { name: 'cart-1', namespace: 'shop' }, spec: { containers: [] } }],
    }),
    '.git/ignored.yaml': 'a: [',
    'notes.txt': 'no manifest',
    'ns.yaml':
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled}}\n',
  })
  await symlink('/etc', join(directory, 'linked'))
  const snapshot = await readFiles(directory, { namespaces: ['shop'] })
  const names = (kind: 'authorizationPolicy' | 'service' | 'pod' | 'namespace') =>
    snapshot.items(kind).map(({ metadata }) => metadata.name)
  assert.deepEqual(names('authorizationPolicy').sort(), ['one', 'two'])
  assert.equal(snapshot.items('authorizationPolicy')[0]?.apiVersion, 'security.istio.io/v1')
  assert.deepEqual(
    [names('service'), names('pod'), names('namespace')],
    [['cart'], ['cart-1'], ['shop']],
  )
  assert.deepEqual(faultsOf(snapshot), [])
  assert.deepEqual(snapshot.source.from === 'files' && snapshot.source.assumed, [])
})

test('what cannot be read or is unknown is told by file and line, and the rest is read', async (t) => {
  const directory = await folder(t, {
    'a.yaml': `${policy('good')}---\nkind: [\n---\n${policy('after')}`,
    'b.yaml': '\n\nreplicas: 2\n',
    'c.yaml': `apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata:\n  name: cart\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: quiet\n`,
    'd.yaml': `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports: []\n---\napiVersion: v1\nkind: Service\nspec: {}\n`,
    'e.json': '{"apiVersion": "v1",',
    'f.yaml': policy('good', 'spec: {}\n'),
    'g.yaml': 'just text\n',
    'h.yaml': 'a: &a [x]\nb: *missing\n',
    'i.yaml':
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: half, namespace: shop}\nspec: {}\n',
  })
  const snapshot = await readFiles(directory, { namespaces: ['shop'] })
  const faults = faultsOf(snapshot)
  assert.deepEqual(
    snapshot
      .items('authorizationPolicy')
      .map(({ metadata, spec }) => [metadata.name, spec !== undefined]),
    [
      ['good', true],
      ['after', false],
    ],
  )
  const expected = [
    /^a\.yaml:[78] /,
    /^b\.yaml:3 no Kubernetes object: it has no apiVersion and kind$/,
    /^c\.yaml:1 Rollout cart of argoproj\.io is unknown: skipped, with any pods it makes$/,
    /^d\.yaml:1 it names no namespace, and is taken to be in shop$/,
    /^d\.yaml:8 Service without metadata\.name$/,
    /^e\.json:1 /,
    /^f\.yaml:1 AuthorizationPolicy shop\/good is here twice; this one counts$/,
    /^g\.yaml:1 this is not an object$/,
    /^h\.yaml:\d /,
    /^i\.yaml:1 Deployment half without spec\.template\.spec\.containers: skipped$/,
  ]
  assert.equal(faults.length, expected.length, faults.join('\n'))
  for (const [index, pattern] of expected.entries()) assert.match(faults[index] ?? '', pattern)
})

test('an object with parts of the wrong type is skipped, by file and line, and says which part', async (t) => {
  const directory = await folder(t, {
    'a.yaml': [
      policy('from', 'spec: {rules: [{from: ops}]}\n'),
      policy('rule', 'spec: {rules: [{}, 3]}\n'),
      policy('word', 'spec: {rules: [{from: [{source: {notPrincipals: [{a: b}]}}]}]}\n'),
      policy('flat', 'spec: DENY\n'),
      policy('good', 'spec: {rules: [{from: [{source: {ipBlocks: [10.0.0.1]}}], to: null}]}\n'),
    ].join('---\n'),
    'b.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, labels: [app]}
spec: {template: {spec: {containers: []}}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [http]}
`,
  })
  const snapshot = await readFiles(directory, { namespaces: ['shop'] })
  assert.deepEqual(faultsOf(snapshot), [
    'a.yaml:1 AuthorizationPolicy from: spec.rules[0].from is no list: skipped',
    'a.yaml:8 AuthorizationPolicy rule: spec.rules[1] is no object: skipped',
    'a.yaml:15 AuthorizationPolicy word: spec.rules[0].from[0].source.notPrincipals[0] is no word: skipped',
    'a.yaml:22 AuthorizationPolicy flat: spec is no object: skipped',
    'b.yaml:1 Deployment cart: metadata.labels is no object: skipped',
    'b.yaml:6 Service cart: spec.ports[0] is no object: skipped',
  ])
  const names = snapshot.items('authorizationPolicy').map(({ metadata }) => metadata.name)
  assert.deepEqual(names, ['good'])
})

test('a namespace that is only named is taken to be injected, and the plan is told so', async (t) => {
  const directory = await folder(t, { 'a.yaml': policy('one') })
  const snapshot = await readFiles(directory, { namespaces: ['shop'] })
  assert.deepEqual(snapshot.items('namespace')[0]?.metadata.labels, {
    'istio-injection': 'enabled',
  })
  assert.deepEqual(snapshot.source.from === 'files' && snapshot.source.assumed, [
    'the files do not hold Namespace shop: taken to have istio-injection=enabled',
  ])
})

test('what no file can tell is not readable; what a full export would hold is empty', async (t) => {
  const directory = await folder(t, { 'a.yaml': policy('one') })
  const { items, probes } = await readFiles(directory, { namespaces: ['shop'] })
  assert.throws(() => items('pod'), new NotReadable('the files hold no Pod'))
  assert.throws(() => items('node'), NotReadable)
  assert.deepEqual(items('virtualService'), [])
  assert.throws(() => probes.callers('shop'), new NotReadable('files do not tell who calls'))
  assert.throws(
    () => probes.allowed({ verb: 'patch', group: '', resource: 'namespaces' }),
    new NotReadable('files do not tell what is allowed'),
  )
})

test('an unknown namespace and a missing folder are usage errors', async (t) => {
  const directory = await folder(t, { 'a.yaml': policy('one') })
  const refused = (hint: RegExp) => (error: unknown) => {
    assert.ok(error instanceof MigrationError)
    assert.equal(error.exitCode, 2)
    assert.match(error.hint, hint)
    return true
  }
  await assert.rejects(
    readFiles(directory, { namespaces: ['shpo'] }),
    refused(/Did you mean shop\?/),
  )
  await assert.rejects(
    readFiles(join(directory, 'no'), { namespaces: ['shop'] }),
    refused(/--from-files/),
  )
})
