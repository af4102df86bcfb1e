import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { type DaemonSet, type Deployment, kinds } from '../../cluster/kinds.ts'
import type { Condition, KubeObject } from '../../cluster/objects.ts'
import { nodeObject, runningCore } from '../fixtures/running-core.ts'
import { staticCluster } from '../fixtures/static-cluster.ts'

type Data = KubeObject & { readonly data: Record<string, string> }
type WithConditions = KubeObject & { readonly status?: { readonly conditions?: Condition[] } }

const inSystem = (name: string) => ({ namespace: 'istio-system', name })

test('an inventory finds what an installation of ambient Istio leaves in a cluster', async (t) => {
  const client = await (await staticCluster(t)).client()
  const istiod = await client.get<Deployment>({ ...kinds.deployment, ...inSystem('istiod') })
  const [pilot] = istiod?.spec.template.spec.containers ?? []
  assert.match(pilot?.image ?? '', /:1\.\d+\.\d+$/)
  assert.ok(pilot?.env?.some((one) => one.name === 'PILOT_ENABLE_AMBIENT' && one.value === 'true'))
  const sets = await client.list<DaemonSet>(kinds.daemonSet, { namespace: 'istio-system' })
  const images = sets.map(({ metadata, spec }) => [
    metadata.name,
    spec.template.spec.containers[0]?.image.split(':')[1],
  ])
  const version = pilot?.image.split(':')[1]
  assert.deepEqual(images.sort(), [
    ['istio-cni-node', version],
    ['ztunnel', version],
  ])

  const maps = await client.list<Data>(
    { apiVersion: 'v1', kind: 'ConfigMap' },
    { namespace: 'istio-system' },
  )
  const map = (name: string) => maps.find(({ metadata }) => metadata.name === name)?.data ?? {}
  const mesh = parse(map('istio').mesh ?? '')
  assert.equal(mesh.trustDomain, 'cluster.local')
  assert.equal(mesh.rootNamespace, 'istio-system')
  assert.equal(map('istio-cni-config').AMBIENT_ENABLED, 'true')
  assert.equal(parse(map('istio-cni-config').AMBIENT_ENABLEMENT_SELECTOR ?? '').length, 2)
  const values = JSON.parse(map('istio-sidecar-injector').values ?? '')
  assert.equal(values.sidecarInjectorWebhook.enableNamespacesByDefault, false)

  const gatewayClass = await client.get<WithConditions>({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    name: 'istio-waypoint',
  })
  const accepted = gatewayClass?.status?.conditions?.map(({ type, status }) => [type, status])
  assert.deepEqual(accepted, [['Accepted', 'True']])
  const definitions = await client.list<WithConditions>({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
  })
  const gateways = definitions.find(
    ({ metadata }) => metadata.name === 'gateways.gateway.networking.k8s.io',
  )
  assert.match(
    gateways?.metadata.annotations?.['gateway.networking.k8s.io/bundle-version'] ?? '',
    /^v1\.\d+\.\d+$/,
  )
  for (const name of ['authorizationpolicies.security', 'virtualservices.networking']) {
    const found = definitions.some(({ metadata }) => metadata.name === `${name}.istio.io`)
    assert.ok(found, name)
  }
})

test('the workloads of the mesh say that they run where they do', async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(nodeObject('two'))
  const cni = { ...kinds.daemonSet, ...inSystem('istio-cni-node') }
  await core.until('node agents on both nodes', kinds.daemonSet, () => {
    const { numberReady, desiredNumberScheduled } = core.store.get<DaemonSet>(cni)?.status ?? {}
    return numberReady === 2 && desiredNumberScheduled === 2
  })
  const istiod = core.store.get<Deployment>({ ...kinds.deployment, ...inSystem('istiod') })
  assert.equal(istiod?.status?.readyReplicas, 1)
})
