import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Gateway, kinds, type Pod, type Service } from '../../cluster/kinds.ts'
import { meshKinds } from '../../cluster/mesh/istio-objects.ts'
import type { Condition } from '../../cluster/objects.ts'
import { eventually, getText } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
  serviceObject,
} from '../fixtures/running-core.ts'
import { addWaypoint, hostOf, images, metrics, soon } from '../fixtures/shop.ts'
import { parseMetrics, total } from '../support/proxy-process.ts'

const AMBIENT = { 'istio.io/dataplane-mode': 'ambient' }
const WAYPOINT = { ...kinds.gateway, name: 'waypoint', namespace: 'shop' }

/** The pods of `cart` behind an address of a service and, headless, behind their own. */
async function shop(t: { after(run: () => Promise<void>): void }): Promise<{
  readonly core: RunningCore
  readonly waypoint: Pod
  /** Where the client finds a service. */
  addressOf(service: string): string
}> {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('one', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(namespaceObject('shop', AMBIENT))
  await addWaypoint(core, 'one', { 'istio.io/waypoint-for': 'workload' })
  core.store.create(serviceObject('shop', 'cart'))
  const headless = serviceObject('shop', 'carts', 'cart') as Service
  core.store.create({
    ...headless,
    spec: { ...headless.spec, clusterIP: 'None', ports: [{ name: 'http', port: 8080 }] },
  })
  const labels = { 'istio.io/use-waypoint': 'waypoint' }
  core.store.create(appObject('shop', 'cart', { node: 'one', labels }))
  await core.untilReady('shop', 'cart', 1)
  core.store.create(appObject('shop', 'client', { node: 'one' }))
  const [client] = await core.untilReady('shop', 'client', 1)
  const waypoint = core.pods('shop').find(({ spec }) => spec.serviceAccountName === 'waypoint')
  assert.ok(client && waypoint)
  return { core, waypoint, addressOf: (service) => hostOf(core, client, service) }
}

async function requests(waypoint: Pod, labels: Record<string, string> = {}): Promise<number> {
  return total(parseMetrics(await metrics(waypoint)), 'istio_requests_total', labels)
}

test('K23, K45: a workload waypoint stands before the pods, for their own addresses only', async (t) => {
  const { core, waypoint, addressOf } = await shop(t)
  const direct = addressOf('carts')
  const byService = addressOf('cart')
  await eventually(direct, 8080)
  await eventually(byService, 80)
  await soon('the client goes through it', async () => {
    const before = await requests(waypoint)
    await getText(direct, 8080, '/')
    return (await requests(waypoint)) > before
  })

  const before = await requests(waypoint)
  await getText(byService, 80, '/')
  assert.equal(await requests(waypoint), before, 'the address of the service is not its business')
  const known = {
    reporter: 'waypoint',
    source_workload: 'client',
    destination_workload: 'cart',
    destination_service: 'unknown',
    response_code: '200',
    connection_security_policy: 'mutual_tls',
  }
  assert.ok((await requests(waypoint, known)) > 0)

  core.store.create({
    ...meshKinds.authorizationPolicy,
    metadata: { name: 'no-admin', namespace: 'shop' },
    spec: {
      targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'waypoint' }],
      action: 'DENY',
      rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
    },
  })
  await soon('the policy is enforced', async () => {
    return (await getText(direct, 8080, '/admin/x')) === 'RBAC: access denied'
  })
  await eventually(direct, 8080)
  assert.notEqual(await getText(byService, 80, '/admin/x'), 'RBAC: access denied')
  assert.deepEqual(core.notices, [])
})

test('K45: a waypoint for services is passed by, and says so to whoever wants the other kind', async (t) => {
  const { core, waypoint, addressOf } = await shop(t)
  await eventually(addressOf('carts'), 8080)
  core.store.mutate<Service>({ ...kinds.service, name: 'cart', namespace: 'shop' }, (service) => ({
    ...service,
    metadata: { ...service.metadata, labels: { 'istio.io/use-waypoint': 'waypoint' } },
  }))
  const reasonOf = (): string | undefined => {
    const status = core.store.get({ ...kinds.service, name: 'cart', namespace: 'shop' })?.status
    const { conditions } = status as { readonly conditions?: readonly Condition[] }
    return conditions?.find(({ type }) => type === 'istio.io/WaypointBound')?.reason
  }
  await core.until('a refusal', kinds.service, () => reasonOf() === 'UnsupportedTrafficType')

  core.store.mutate<Gateway>(WAYPOINT, (gateway) => ({
    ...gateway,
    metadata: { ...gateway.metadata, labels: { 'istio.io/waypoint-for': 'service' } },
  }))
  await core.until('an acceptance', kinds.service, () => reasonOf() === 'WaypointAccepted')
  await soon('traffic to the pod goes past it', async () => {
    const before = await requests(waypoint)
    await getText(addressOf('carts'), 8080, '/')
    return (await requests(waypoint)) === before
  })
  await soon('traffic to the service goes through it', async () => {
    const before = await requests(waypoint)
    await getText(addressOf('cart'), 80, '/')
    return (await requests(waypoint)) > before
  })
})
