import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../../cluster/objects.ts'
import { type Permission, permissions, resourceOf } from '../../../migration/access/permissions.ts'
import type { Call, Step } from '../../../migration/result/plan.ts'
import { configMap } from '../../support/healthy-mesh.ts'
import { deployment, namespace, planOf, pod, policy, service } from '../../support/snapshots.ts'

const place = { namespace: 'shop' }
const object = (apiVersion: string, kind: string, spec: object, name = kind.toLowerCase()) =>
  ({ apiVersion, kind, metadata: { name, ...place }, spec }) as KubeObject
const owned = (kind: string, app: string): KubeObject => {
  const one = pod(app)
  const ownerReferences = [{ apiVersion: 'apps/v1', kind, name: app, uid: app, controller: true }]
  return { ...one, metadata: { ...one.metadata, ownerReferences } }
}
const set = (kind: string, app: string): KubeObject => ({ ...deployment(app), kind })

/** A namespace that needs every step there is. */
const everything: readonly KubeObject[] = [
  configMap('istio-system/istio', {
    mesh: 'defaultConfig: { proxyMetadata: { ISTIO_META_ENABLE_HBONE: "true" } }',
  }),
  namespace('shop', { 'istio-injection': 'enabled' }),
  ...['cart', 'web'].flatMap((app) => [deployment(app), pod(app), service(app)]),
  service('own', { labels: { 'istio.io/use-waypoint': 'none' } }),
  set('StatefulSet', 'store'),
  owned('StatefulSet', 'store'),
  set('DaemonSet', 'agent'),
  owned('DaemonSet', 'agent'),
  policy('l7', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }] }),
  policy('who', { rules: [{ from: [{ source: { namespaces: ['ops'] } }] }] }),
  policy(
    'mesh',
    { action: 'DENY', rules: [{ to: [{ operation: { methods: ['PUT'] } }] }] },
    'istio-system',
  ),
  object('security.istio.io/v1', 'PeerAuthentication', { mtls: { mode: 'STRICT' } }),
  object('security.istio.io/v1', 'RequestAuthentication', { jwtRules: [{ issuer: 'x' }] }),
  object('telemetry.istio.io/v1', 'Telemetry', { tracing: [{}] }),
  object('extensions.istio.io/v1alpha1', 'WasmPlugin', { url: 'oci://x' }),
  object('networking.istio.io/v1', 'VirtualService', { hosts: ['cart'] }),
  object('gateway.networking.k8s.io/v1', 'HTTPRoute', {
    parentRefs: [{ group: '', kind: 'Service', name: 'cart' }],
  }),
  object('networking.k8s.io/v1', 'NetworkPolicy', {
    podSelector: {},
    ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }],
  }),
]

function stepsOf(objects: readonly KubeObject[]): readonly Step[] {
  return planOf(objects, { restartWorkloads: true, cleanUp: true }).steps
}

/** Server-side apply of what is not there yet is authorized as create too, and its inverse deletes it. */
function verbsOf(call: Call): readonly string[] {
  switch (call.verb) {
    case 'apply':
    case 'create':
      return ['patch', 'create', 'delete']
    case 'delete':
      return ['delete', 'create']
    case 'patch':
      return ['patch']
  }
}

const covers = (permission: Permission, call: Call, verb: string, restart: boolean): boolean => {
  const { group, resource } = resourceOf(call.ref.apiVersion, call.ref.kind)
  return (
    permission.group === group &&
    permission.resource === resource &&
    permission.subresource === undefined &&
    permission.verbs.includes(verb) &&
    permission.scope === 'namespace' &&
    (permission.needed === 'apply' ||
      (permission.needed === 'restart' && restart) ||
      (permission.needed === 'clean-up' && call.verb === 'delete'))
  )
}

test('every call of a plan, and what takes it back, is in the access table, within its namespace', () => {
  const steps = stepsOf(everything)
  assert.deepEqual(
    [...new Set(steps.map(({ phase }) => phase))],
    ['S0', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8', 'S9', 'S10', 'S11', 'S12', 'S14'],
  )
  const seen = new Set<string>()
  for (const { phase, id, calls } of steps) {
    for (const call of calls) {
      const { kind, name, namespace: home } = call.ref
      assert.equal(kind === 'Namespace' ? name : home, 'shop', `${id}: ${kind} ${home}/${name}`)
      const { resource } = resourceOf(call.ref.apiVersion, kind)
      for (const verb of verbsOf(call)) {
        const restart = phase === 'S3' || phase === 'S11'
        const allowed = permissions.some((one) => covers(one, call, verb, restart))
        assert.ok(allowed, `${id}: nobody grants ${verb} ${resource}`)
        seen.add(resource)
      }
    }
  }
  assert.deepEqual([...seen].sort(), [
    'authorizationpolicies',
    'daemonsets',
    'deployments',
    'gateways',
    'namespaces',
    'networkpolicies',
    'requestauthentications',
    'statefulsets',
    'telemetries',
    'virtualservices',
    'wasmplugins',
  ])
})
