import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { kubectlCluster } from '../support/kubectl.ts'

// What the verbs do to values, beyond that they are accepted (api-kubectl.test.ts).

const { skip, directory, kubectl, tryKubectl } = kubectlCluster(async () => {
  await kubectl('create', 'namespace', 'verbs')
  await kubectl('create', '-f', await file('node.json', node))
  const web = deployment({ replicas: 2, minReadySeconds: 1 }, { tier: 'front', kept: 'no' })
  await kubectl('apply', '-f', await file('web.json', web))
  await own('rollout', 'status', 'deployment/web', '--timeout=50s')
})
const own = (...args: readonly string[]) => kubectl('-n', 'verbs', ...args)
const value = (resource: string, path: string) => own('get', resource, '-o', `jsonpath={${path}}`)

const deployment = (spec: object, labels = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'verbs', labels },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'app', image: 'test/app', env: [{ name: 'PORT', value: '8080' }] }],
      },
    },
    ...spec,
  },
})
const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', labels: { 'meshbench.dev/simulated': 'true' } },
}

async function file(name: string, object: object): Promise<string> {
  const path = join(directory(), name)
  await writeFile(path, JSON.stringify(object))
  return path
}

test('apply takes away what its last manifest had and this one has not, and leaves the rest', {
  skip,
}, async () => {
  await own('label', 'deployment', 'web', 'other=hand')
  const less = await file('less.json', deployment({ replicas: 2 }, { tier: 'back' }))
  assert.equal(await kubectl('apply', '-f', less), 'deployment.apps/web configured\n')
  assert.deepEqual(JSON.parse(await value('deployment/web', '.metadata.labels')), {
    tier: 'back',
    other: 'hand',
  })
  assert.equal(await value('deployment/web', '.spec.minReadySeconds'), '')
  assert.equal(await kubectl('apply', '-f', less), 'deployment.apps/web unchanged\n')
})

test('rollout status waits until the pods were ready for minReadySeconds', { skip }, async () => {
  const slow = deployment({ replicas: 2, minReadySeconds: 2 })
  slow.metadata.name = 'slow'
  slow.spec.selector.matchLabels.app = 'slow'
  slow.spec.template.metadata.labels.app = 'slow'
  await kubectl('apply', '-f', await file('slow.json', slow))
  await own('rollout', 'status', 'deployment/slow', '--timeout=50s')
  const nowMs = Date.now()
  assert.equal(await value('deployment/slow', '.status.availableReplicas'), '2')
  const path = '{.items[*].status.conditions[?(@.type=="Ready")].lastTransitionTime}'
  const since = await own('get', 'pods', '-l', 'app=slow', '-o', `jsonpath=${path}`)
  const readyMs = since.split(' ').map((time) => Date.parse(time))
  assert.equal(readyMs.length, 2)
  assert.ok(nowMs >= Math.max(...readyMs) + 2_000, since)
  await own('delete', 'deployment', 'slow')
})

test('a dry run on the server shows what would be, and nothing is', { skip }, async () => {
  const before = await own('get', 'deployment/web', '-o', 'json')
  const dry = '--dry-run=server'
  const more = await file('more.json', deployment({ replicas: 7 }))
  const would = JSON.parse(await kubectl('apply', '-f', more, dry, '-o', 'json'))
  assert.equal(would.spec.replicas, 7)
  const server = ['apply', '--server-side', '--force-conflicts', '-f', more, dry]
  assert.match(await kubectl(...server), /serverside-applied \(server dry run\)/)
  await own('label', 'deployment/web', 'dry=yes', dry)
  await own('annotate', 'deployment/web', 'dry=yes', dry)
  await own('patch', 'deployment/web', '-p', '{"spec":{"replicas":8}}', dry)
  await own('scale', 'deployment/web', '--replicas=9', dry)
  await own('delete', 'deployment/web', dry)
  await own('create', 'configmap', 'dry', dry)
  assert.equal(await own('get', 'deployment/web', '-o', 'json'), before)
  assert.equal(await own('get', 'configmap/dry', '--ignore-not-found'), '')
})

test('what get prints can be applied again, one object or a list of them', { skip }, async () => {
  const list = JSON.parse(await own('get', 'deployment,configmap', '-o', 'json'))
  assert.equal(list.kind, 'List')
  const applied = await kubectl('apply', '-f', await file('list.json', list))
  assert.match(applied, /deployment\.apps\/web (configured|unchanged)/)
})

test('labels and annotations are added, kept unless told otherwise, and taken away', {
  skip,
}, async () => {
  const labels = async () => JSON.parse(await value('deployment/web', '.metadata.labels'))
  await own('label', 'deployment/web', 'stage=one')
  const refused = await tryKubectl('-n', 'verbs', 'label', 'deployment/web', 'stage=two')
  assert.match(refused.errors, /already has a value \(one\), and --overwrite is false/)
  await own('label', 'deployment/web', 'stage=two', '--overwrite')
  assert.equal((await labels()).stage, 'two')
  await own('label', 'deployment/web', 'stage-')
  assert.equal((await labels()).stage, undefined)
  await own('annotate', 'deployment/web', 'example.com/note=a b')
  assert.equal(await value('deployment/web', '.metadata.annotations.example\\.com/note'), 'a b')
  await own('annotate', 'deployment/web', 'example.com/note-')
  assert.equal(await value('deployment/web', '.metadata.annotations.example\\.com/note'), '')
  const bad = await tryKubectl('-n', 'verbs', 'label', 'deployment/web', 'bad=a b')
  assert.equal(bad.code, 1)
})

test('scale sets replicas, and only from the number that was expected', { skip }, async () => {
  await own('scale', 'deployment/web', '--replicas=3')
  assert.equal(await value('deployment/web', '.spec.replicas'), '3')
  await own('wait', '--for=jsonpath={.status.readyReplicas}=3', 'deployment/web', '--timeout=40s')
  const scale = JSON.parse(await own('get', 'deployment/web', '--subresource=scale', '-o', 'json'))
  assert.deepEqual(
    [scale.kind, scale.spec.replicas, scale.status],
    ['Scale', 3, { replicas: 3, selector: 'app=web' }],
  )
  const late = ['scale', 'deployment/web', '--current-replicas=2', '--replicas=1'] as const
  assert.match(
    (await tryKubectl('-n', 'verbs', ...late)).errors,
    /Expected replicas to be 2, was 3/,
  )
  await own('scale', 'deployment/web', '--current-replicas=3', '--replicas=1')
  assert.equal(await value('deployment/web', '.spec.replicas'), '1')
})

test('status is read and patched apart from the specification', { skip }, async () => {
  await own('create', 'service', 'clusterip', 'told', '--tcp=80')
  const condition = { type: 'a.b/C', status: 'True', reason: 'Because', message: '' }
  const conditions = [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }]
  const patch = JSON.stringify({ status: { conditions }, spec: { sessionAffinity: 'ClientIP' } })
  await own('patch', 'service/told', '--subresource=status', '--type=merge', '-p', patch)
  const told = JSON.parse(await own('get', 'service/told', '--subresource=status', '-o', 'json'))
  assert.deepEqual(
    [told.status.conditions[0].reason, told.spec.sessionAffinity],
    ['Because', 'None'],
  )
})

test('a restart stamps the template and replaces every pod', { skip }, async () => {
  const uids = async () => (await value('pods', '.items[*].metadata.uid')).split(' ')
  await own('rollout', 'status', 'deployment/web', '--timeout=50s')
  await own('wait', '--for=jsonpath={.status.replicas}=1', 'deployment/web', '--timeout=40s')
  const before = await uids()
  await own('rollout', 'restart', 'deployment/web')
  assert.match(
    await own('rollout', 'status', 'deployment/web', '--timeout=50s'),
    /deployment "web" successfully rolled out\n$/,
  )
  const path = '.spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt'
  assert.match(await value('deployment/web', path), /^\d{4}-\d\d-\d\dT/)
  for (const uid of before) await own('wait', '--for=delete', 'pod', '-l', `none=${uid}`)
  const after = await uids()
  assert.deepEqual(
    after.filter((uid) => before.includes(uid)),
    [],
  )
})

test('long lists are read in pages, selected, sorted and cut to columns', { skip }, async () => {
  const data = ['a', 'b', 'c', 'd', 'e']
  for (const name of data) {
    await own('create', 'configmap', `page-${name}`, `--from-literal=n=${name}`)
  }
  const paged = await tryKubectl(
    ...['-n', 'verbs', 'get', 'configmaps', '--chunk-size=2', '-v=6', '-o', 'name'],
  )
  assert.deepEqual(
    paged.out
      .trim()
      .split('\n')
      .filter((name) => name.includes('page-')),
    data.map((name) => `configmap/page-${name}`),
  )
  assert.ok((paged.errors.match(/continue=/g) ?? []).length >= 2, paged.errors)
  const newest = await own(
    ...['get', 'configmaps', '--sort-by=.data.n', '-o', 'custom-columns=N:.data.n', '--no-headers'],
  )
  assert.deepEqual(newest.trim().split('\n').slice(-5), data)
  const phase = '--field-selector=status.phase=Running'
  assert.match(await own('get', 'pods', phase, '-o', 'name'), /^pod\/web-\S+\n$/)
  assert.match(await own('get', 'pods', '-l', 'app=none'), /^$/)
  assert.match(await kubectl('get', 'pods', '-A', '-o', 'name'), /pod\/web-/)
})

test('logs come whole, from the end, and from the run before', { skip }, async () => {
  const pod = (await own('get', 'pods', '-l', 'app=web', '-o', 'name')).trim()
  const text = await own('logs', pod)
  assert.equal(await own('logs', pod, '-c', 'app'), text)
  const lines = text.trimEnd().split('\n')
  assert.equal(await own('logs', pod, '--tail=1'), `${lines.at(-1)}\n`)
  const none = await tryKubectl('-n', 'verbs', 'logs', pod, '-c', 'nobody')
  assert.match(none.errors, /container nobody is not valid for pod/)
  const early = await tryKubectl('-n', 'verbs', 'logs', pod, '--previous')
  assert.match(early.errors, /previous terminated container "app" in pod "\S+" not found/)
  const id = await value(pod, '.status.containerStatuses[0].containerID')
  process.kill(Number(id.replace('process://', '')), 'SIGKILL')
  const restarted = '--for=jsonpath={.status.containerStatuses[0].restartCount}=1'
  await own('wait', restarted, pod, '--timeout=30s')
  assert.equal(await own('logs', pod, '--previous'), text)
})

test('top tells what each pod uses, and of some pods only', { skip }, async () => {
  const rows = (await own('top', 'pod', '-l', 'app=web', '--no-headers')).trim().split('\n')
  assert.equal(rows.length, 1)
  const [, memory] = /^web-\S+ +\d+m +(\d+)Mi *$/.exec(rows[0] ?? '') ?? []
  assert.ok(Number(memory) > 5 && Number(memory) < 500, rows[0])
})

test('permission is asked for verbs, resources and namespaces', { skip }, async () => {
  assert.equal(await own('auth', 'can-i', 'patch', 'deployments', '--subresource=scale'), 'yes\n')
  assert.match(await own('auth', 'can-i', '--list'), /\*\.\* +\[\] +\[\] +\[\*\]/)
})

test('the manifests of the shop are ordinary ones: applied, they are a shop that answers', {
  skip,
}, async () => {
  await kubectl('create', 'namespace', 'shop')
  const manifests = join(import.meta.dirname, '../../../workloads/shop/shop.yaml')
  const on = (...args: string[]) => kubectl('-n', 'shop', ...args)
  const applied = (await on('apply', '-f', manifests)).trim().split('\n')
  assert.equal(applied.filter((line) => /^deployment\.apps\/\S+ created$/.test(line)).length, 8)
  assert.equal(applied.filter((line) => /^service\/\S+ created$/.test(line)).length, 8)
  await on('wait', '--for=condition=Available', 'deployment', '--all', '--timeout=50s')
  const pods = (await on('get', 'pods', '-o', 'name')).trim().split('\n')
  assert.equal(pods.length, 9)
  assert.equal(pods.filter((name) => name.startsWith('pod/catalog-')).length, 2)
  // Through recommendations, catalog, cart and the store that speaks first.
  const [front = ''] = pods.filter((name) => name.startsWith('pod/storefront-'))
  const path = `/api/v1/namespaces/shop/pods/${front.slice('pod/'.length)}:8080/proxy/`
  assert.equal((await kubectl('get', '--raw', path)).length, 8192)
})
