import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessQuestions, permissions } from '../../../migration/access/permissions.ts'
import { rolesFor } from '../../../migration/access/roles.ts'

const subject = { kind: 'Group', name: 'platform' } as const
const asked = { namespaces: ['shop', 'web'], rootNamespace: 'istio-system', subject }

interface Role {
  readonly rules: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
  }[]
}

function grants(
  purpose: 'plan' | 'apply' | 'restart',
  probe = false,
  cleanUp = false,
): ReadonlySet<string> {
  const roles = rolesFor({ ...asked, purpose, probe, cleanUp }).filter(({ kind }) =>
    /^(Cluster)?Role$/.test(kind),
  )
  return new Set(
    roles.flatMap((role) =>
      (role as unknown as Role).rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.map((verb) => `${verb} ${resource}.${group} ${role.metadata.namespace ?? '*'}`),
          ),
        ),
      ),
    ),
  )
}

test('the roles grant what MB001 asks for, call by call, and nothing else', () => {
  const questions = (some: readonly string[]) =>
    accessQuestions(asked)
      .filter(({ needed }) => some.includes(needed))
      .map(({ verb, group, resource, subresource, namespace }) => {
        const name = subresource === undefined ? resource : `${resource}/${subresource}`
        return `${verb} ${name}.${group} ${namespace ?? '*'}`
      })
  const applying = ['plan', 'apply']
  assert.deepEqual([...grants('apply')].sort(), [...new Set(questions(applying))].sort())
  const probing = [...new Set(questions([...applying, 'probe']))]
  assert.deepEqual([...grants('apply', true)].sort(), probing.sort())
  const cleaning = [...new Set(questions([...applying, 'clean-up']))]
  assert.deepEqual([...grants('apply', false, true)].sort(), cleaning.sort())
  assert.ok(!grants('restart', true).has('delete virtualservices.networking.istio.io shop'))
})

test('planning may change nothing', () => {
  const verbs = new Set([...grants('plan')].map((grant) => grant.split(' ')[0]))
  assert.deepEqual([...verbs].sort(), ['get', 'list', 'watch'])
})

test('workloads may be patched only for the sake of restarts, secrets be read only of the mesh', () => {
  assert.ok(!grants('apply').has('patch deployments.apps shop'))
  assert.ok(grants('restart').has('patch deployments.apps shop'))
  assert.ok(!grants('restart').has('patch deployments.apps *'))
  const secrets = [...grants('restart')].filter((grant) => grant.includes(' secrets.'))
  assert.deepEqual(new Set(secrets.map((grant) => grant.split(' ')[2])), new Set(['istio-system']))
})

test('everybody named is bound to every role', () => {
  const objects = rolesFor({ ...asked, purpose: 'apply' })
  const places = (pattern: RegExp) =>
    objects
      .filter(({ kind }) => pattern.test(kind))
      .map(({ kind, metadata }) => `${kind.replace('Binding', '')} ${metadata.namespace ?? '*'}`)
  assert.deepEqual(places(/Role$/), places(/Binding$/))
  assert.equal(places(/Role$/).length, 5)
})

test('no permission is a wildcard', () => {
  for (const { group, resource, verbs } of permissions) {
    assert.ok(![group, resource, ...verbs].includes('*'), `${group}/${resource}`)
  }
})

test('pods are deleted and logs are read only for the sake of probes', () => {
  const more = [...grants('restart', true)].filter((grant) => !grants('restart').has(grant))
  const inEach = (verb: string, resource: string, places: readonly string[]) =>
    places.map((place) => `${verb} ${resource}. ${place}`)
  assert.deepEqual(more.sort(), [
    ...inEach('delete', 'pods', ['shop', 'web']),
    ...inEach('get', 'pods/log', ['istio-system', 'shop', 'web']),
  ])
})
