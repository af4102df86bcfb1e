import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { type Gateway, kinds, type Service } from '../../cluster/kinds.ts'
import {
  type AuthorizationPolicy,
  type HttpRoute,
  meshKinds,
} from '../../cluster/mesh/istio-objects.ts'
import { eventually } from '../fixtures/http-get.ts'
import {
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { addWaypoint, clientAndTarget, images, serviceOf } from '../fixtures/shop.ts'

interface Address {
  readonly host: string
  readonly port: number
}

/** The status, or 0 when the connection was closed instead. */
function statusOf({ host, port }: Address, path: string, method = 'GET'): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request({ host, port, path, method, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    outgoing.on('error', () => resolve(0))
    outgoing.end()
  })
}

/** Configuration reaches proxies a moment after it is written. */
async function untilStatus(
  address: Address,
  path: string,
  status: number,
  method?: string,
): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  let last = -1
  while (Date.now() < deadlineMs) {
    last = await statusOf(address, path, method)
    if (last === status) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal(last, status, `${method ?? 'GET'} ${path}`)
}

function policy(spec: AuthorizationPolicy['spec']): AuthorizationPolicy {
  return { ...meshKinds.authorizationPolicy, metadata: { name: 'p', namespace: 'shop' }, spec }
}

async function shop(
  core: RunningCore,
  labels: Record<string, string>,
  ambient: boolean,
): Promise<Address> {
  const ztunnel: Record<string, string> = ambient ? { 'meshbench.dev/ztunnel': 'true' } : {}
  core.store.create(nodeObject('client', ztunnel))
  core.store.create(nodeObject('server', ztunnel))
  core.store.create(namespaceObject('shop', labels))
  const { client } = await clientAndTarget(core)
  const address = await serviceOf(core, client)
  await eventually(address.host, address.port)
  return address
}

test('sidecars enforce a policy about paths, and its status says what ztunnels would make of it', async (t) => {
  const core = await runningCore(t, { images })
  const address = await shop(core, { 'istio-injection': 'enabled' }, false)
  core.store.create(
    policy({ action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }] }),
  )
  await untilStatus(address, '/admin', 403)
  assert.equal(await statusOf(address, '/'), 200)
  const conditions = await core.until('a condition', meshKinds.authorizationPolicy, () => {
    const [found] = core.store.list<AuthorizationPolicy>(meshKinds.authorizationPolicy)
    return found?.status?.conditions
  })
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => [type, status, reason]),
    [['ZtunnelAccepted', 'True', 'UnsupportedValue']],
  )
  const broken = { rules: {} } as unknown as AuthorizationPolicy['spec']
  core.store.create({ ...policy(broken), metadata: { name: 'broken', namespace: 'shop' } })
  await untilStatus(address, '/', 403)
  core.store.delete({ ...meshKinds.authorizationPolicy, namespace: 'shop', name: 'broken' })
  await untilStatus(address, '/', 200)
  core.store.delete({ ...meshKinds.authorizationPolicy, namespace: 'shop', name: 'p' })
  await untilStatus(address, '/admin', 200)
  assert.deepEqual(core.notices, [])
})

test('a ztunnel closes connections that a selector policy forbids', async (t) => {
  const core = await runningCore(t, { images })
  const address = await shop(core, { 'istio.io/dataplane-mode': 'ambient' }, true)
  const selector = { matchLabels: { app: 'target' } }
  const allow = (namespace: string): AuthorizationPolicy['spec'] => ({
    selector,
    action: 'ALLOW',
    rules: [{ from: [{ source: { namespaces: [namespace] } }] }],
  })
  core.store.create(policy(allow('bank')))
  await untilStatus(address, '/', 0)
  core.store.mutate<AuthorizationPolicy>(
    { ...meshKinds.authorizationPolicy, namespace: 'shop', name: 'p' },
    (one) => ({ ...one, spec: allow('shop') }),
  )
  await untilStatus(address, '/', 200)
  assert.deepEqual(core.notices, [])
})

test('a waypoint enforces what names its service, routes by HTTPRoute, and both say so', async (t) => {
  const core = await runningCore(t, { images })
  const labels = { 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'waypoint' }
  const address = await shop(core, labels, true)
  await addWaypoint(core, 'server')
  const waypoint = { namespace: 'shop', name: 'waypoint' }
  const { clusterIP } = core.store.get<Service>({ ...kinds.service, ...waypoint })?.spec ?? {}
  assert.match(clusterIP ?? '', /^127\./)
  assert.deepEqual(core.store.get<Gateway>({ ...kinds.gateway, ...waypoint })?.status?.addresses, [
    { type: 'IPAddress', value: clusterIP },
  ])
  core.store.create(
    policy({
      targetRefs: [{ group: '', kind: 'Service', name: 'target' }],
      action: 'DENY',
      rules: [{ to: [{ operation: { methods: ['PUT'] } }] }],
    }),
  )
  await untilStatus(address, '/', 403, 'PUT')
  assert.equal(await statusOf(address, '/'), 200)
  core.store.create({
    ...meshKinds.httpRoute,
    metadata: { name: 'r', namespace: 'shop' },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'target', port: 80 }],
      rules: [
        {
          matches: [{ path: { type: 'Exact', value: '/moved' } }],
          filters: [{ type: 'RequestRedirect', requestRedirect: { statusCode: 301 } }],
        },
        {
          matches: [{ path: { type: 'PathPrefix', value: '/gone' } }],
          backendRefs: [{ name: 'nowhere', port: 80 }],
        },
        { backendRefs: [{ name: 'target', port: 80 }] },
      ],
    },
  })
  await untilStatus(address, '/moved', 301)
  assert.equal(await statusOf(address, '/gone/x'), 500)
  assert.equal(await statusOf(address, '/'), 200)
  const parents = await core.until('a route status', meshKinds.httpRoute, () => {
    const [found] = core.store.list<HttpRoute>(meshKinds.httpRoute)
    return found?.status?.parents
  })
  assert.deepEqual(
    parents[0]?.conditions.map(({ type, status, reason }) => [type, status, reason]),
    [
      ['Accepted', 'True', 'Accepted'],
      ['ResolvedRefs', 'False', 'BackendNotFound'],
    ],
  )
  const bound = core.store
    .list<Service & { status?: { conditions?: { type: string; reason?: string }[] } }>(
      kinds.service,
    )
    .find(({ metadata }) => metadata.name === 'target')
  assert.deepEqual(
    bound?.status?.conditions?.map(({ type, reason }) => [type, reason]),
    [['istio.io/WaypointBound', 'WaypointAccepted']],
  )
  const [accepted] = core.store.list<AuthorizationPolicy>(meshKinds.authorizationPolicy)
  assert.deepEqual(
    accepted?.status?.conditions?.map(({ type, reason }) => [type, reason]),
    [['WaypointAccepted', 'Accepted']],
  )
  assert.deepEqual(core.notices, [])
})
