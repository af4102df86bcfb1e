import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MeshIndex } from '../../proxies/config/mesh-index.ts'
import type { MeshState, Service, Workload } from '../../proxies/config/mesh-state.ts'
import { ProxyError } from '../../proxies/errors.ts'
import { pickEndpoint } from '../../proxies/ztunnel/balance.ts'
import { type Route, routeOutbound } from '../../proxies/ztunnel/route.ts'
import { resolveTarget } from '../../proxies/ztunnel/target.ts'
import { meshService, meshWorkload } from '../support/mesh-objects.ts'

const VIP = '10.1.0.1'
const key = 'shop/server.shop.svc.cluster.local'
const waypointAddress = {
  destination: 'shop/waypoint.shop.svc.cluster.local',
  hboneMtlsPort: 15_008,
}

const client = meshWorkload('client', { workloadIps: ['10.0.0.1'], node: 'a' })
const server = meshWorkload('server', { workloadIps: ['10.0.0.2'], services: { [key]: {} } })
const waypoint = meshWorkload('waypoint', {
  workloadIps: ['10.0.0.9'],
  services: { 'shop/waypoint.shop.svc.cluster.local': { 15008: 15_008 } },
})
const waypointService = meshService('waypoint', '10.1.0.9', { ports: { 15008: 15_008 } })
const service = meshService('server', VIP)

function mesh(overrides: Partial<MeshState> = {}): MeshIndex {
  return new MeshIndex({
    workloads: [client, server, waypoint],
    services: [service, waypointService],
    policies: [],
    ...overrides,
  })
}

function route(index: MeshIndex, host: string, port = 80, source: Workload = client): Route {
  return routeOutbound(index, source, { host, port })
}

function withWaypoint(): { service: Service; server: Workload } {
  return {
    service: { ...service, waypoint: waypointAddress },
    server: { ...server, waypoint: waypointAddress },
  }
}

function fails(action: () => unknown, code: string): void {
  assert.throws(action, (error) => error instanceof ProxyError && error.code === code)
}

describe('outbound routing of a ztunnel', () => {
  test('a service address becomes a tunnel to an endpoint, named by its own address and port', () => {
    assert.deepEqual(route(mesh(), VIP), {
      kind: 'hbone',
      nextHop: { host: '10.0.0.2', port: 15_008 },
      authority: '10.0.0.2:8080',
      expectedIdentities: ['spiffe://cluster.local/ns/shop/sa/server'],
      destination: server,
      service,
    })
  })

  test("the endpoint's own port wins over the service's, and its HBONE port over 15008", () => {
    const special = { ...server, services: { [key]: { 80: 9999 } }, hbonePort: 25_008 }
    const found = route(mesh({ workloads: [client, special] }), VIP)
    assert.ok(found.kind === 'hbone')
    assert.equal(found.authority, '10.0.0.2:9999')
    assert.equal(found.nextHop.port, 25_008)
  })

  test("the service's subject names are accepted besides the endpoint's identity", () => {
    const named = { ...service, subjectAltNames: ['spiffe://cluster.local/ns/x/sa/y'] }
    const found = route(mesh({ services: [named] }), VIP)
    assert.ok(found.kind === 'hbone')
    assert.deepEqual(found.expectedIdentities, [
      'spiffe://cluster.local/ns/x/sa/y',
      'spiffe://cluster.local/ns/shop/sa/server',
    ])
  })

  test('K21: an address nobody knows is passed through as plain TCP', () => {
    const found = route(mesh(), '192.0.2.1', 443)
    assert.equal(found.kind, 'tcp')
    assert.deepEqual(found.nextHop, { host: '192.0.2.1', port: 443 })
    assert.equal(found.destination, undefined)
  })

  test('K21: a service without a usable endpoint for the port is dropped, not passed through', () => {
    fails(() => route(mesh({ workloads: [client] }), VIP), 'NO_UPSTREAM')
    fails(() => route(mesh(), VIP, 81), 'NO_UPSTREAM')
    const sick = { ...server, status: 'Unhealthy' } as const
    fails(() => route(mesh({ workloads: [client, sick] }), VIP), 'NO_UPSTREAM')
  })

  test('K24: an endpoint outside the mesh gets plaintext at its own port', () => {
    const plain = { ...server, protocol: 'TCP' } as const
    const found = route(mesh({ workloads: [client, plain] }), VIP)
    assert.equal(found.kind, 'tcp')
    assert.deepEqual(found.nextHop, { host: '10.0.0.2', port: 8080 })
  })

  test('K3: traffic to a service with a waypoint goes there, still addressed to the service', () => {
    const found = route(mesh({ services: [withWaypoint().service, waypointService] }), VIP)
    assert.ok(found.kind === 'hbone')
    assert.deepEqual(found.nextHop, { host: '10.0.0.9', port: 15_008 })
    assert.equal(found.authority, `${VIP}:80`)
    assert.deepEqual(found.expectedIdentities, ['spiffe://cluster.local/ns/shop/sa/waypoint'])
    assert.equal(found.destination?.name, 'waypoint')
    assert.equal(found.service?.name, 'server')
  })

  test("K23: a service waypoint does not see traffic to the pod's address, a workload waypoint does", () => {
    const byService = mesh({ services: [withWaypoint().service, waypointService] })
    assert.equal(route(byService, '10.0.0.2', 8080).destination?.name, 'server')

    const byWorkload = mesh({ workloads: [client, withWaypoint().server, waypoint] })
    const direct = route(byWorkload, '10.0.0.2', 8080)
    assert.equal(direct.destination?.name, 'waypoint')
    assert.ok(direct.kind === 'hbone' && direct.authority === '10.0.0.2:8080')
    assert.equal(route(byWorkload, VIP).destination?.name, 'server')
  })

  test("K23: a waypoint's own traffic to the pod is not sent back to it", () => {
    const index = mesh({ workloads: [client, withWaypoint().server, waypoint] })
    assert.equal(route(index, '10.0.0.2', 8080, waypoint).destination?.name, 'server')
  })

  test('K23: a waypoint that cannot be resolved fails closed', () => {
    fails(() => route(mesh({ services: [withWaypoint().service] }), VIP), 'NO_WAYPOINT')
    const podless = mesh({
      workloads: [client, server],
      services: [withWaypoint().service, waypointService],
    })
    fails(() => route(podless, VIP), 'NO_WAYPOINT')
  })

  test('a waypoint may be named by its address too', () => {
    const byIp = { ...service, waypoint: { destination: '/10.0.0.9', hboneMtlsPort: 15_008 } }
    assert.equal(route(mesh({ services: [byIp] }), VIP).destination?.name, 'waypoint')
  })

  for (const port of [15_001, 15_006, 15_008]) {
    test(`K25: port ${port} of oneself is dropped`, () => {
      fails(() => route(mesh(), '127.0.0.1', port), 'SELF_CALL')
      fails(() => route(mesh(), '10.0.0.1', port), 'SELF_CALL')
    })
  }

  test('of two services at one address the one of the own namespace is meant', () => {
    const foreign = { ...service, namespace: 'bank', name: 'foreign' }
    assert.equal(mesh({ services: [foreign, service] }).serviceByVip(VIP, 'shop')?.name, 'server')
    assert.equal(mesh({ services: [foreign, service] }).serviceByVip(VIP, 'x')?.name, 'foreign')
  })
})

describe('choice of an endpoint', () => {
  const endpoints = (...list: Partial<Workload>[]): MeshIndex =>
    mesh({
      workloads: list.map((overrides, index) =>
        meshWorkload(`server-${index}`, {
          workloadIps: [`10.0.3.${index}`],
          services: { [key]: {} },
          ...overrides,
        }),
      ),
    })
  const shares = (index: MeshIndex, chosen: Service = service): number[] => {
    const counts: number[] = []
    for (let step = 0; step < 1_000; step += 1) {
      const found = pickEndpoint(index, chosen, 80, client, () => (step + 0.5) / 1_000)
      const at = Number(found?.ip.split('.')[3])
      counts[at] = (counts[at] ?? 0) + 1
    }
    return counts
  }

  test('K22: is even among equals and in proportion to capacity otherwise', () => {
    assert.deepEqual(shares(endpoints({}, {}, {}, {})), [250, 250, 250, 250])
    assert.deepEqual(shares(endpoints({ capacity: 3 }, { capacity: 1 })), [750, 250])
  })

  test('K22: never falls on an endpoint of capacity 0 beside others', () => {
    const counts = shares(endpoints({ capacity: 0 }, {}))
    assert.deepEqual([counts[0] ?? 0, counts[1]], [0, 1_000])
  })

  test('K22: passthrough takes the address as it is, as plain TCP', () => {
    const mode = {
      mode: 'Passthrough',
      routingPreferences: [],
      healthPolicy: 'OnlyHealthy',
    } as const
    const found = route(mesh({ services: [{ ...service, loadBalancer: mode }] }), VIP)
    assert.equal(found.kind, 'tcp')
    assert.deepEqual(found.nextHop, { host: VIP, port: 80 })
  })

  test('K22: stays on the node when strict, prefers it on failover', () => {
    const prefer = (mode: 'Strict' | 'Failover'): Service => ({
      ...service,
      loadBalancer: { mode, routingPreferences: ['Node'], healthPolicy: 'OnlyHealthy' },
    })
    const both = endpoints({ node: 'a' }, { node: 'b' })
    const away = endpoints({ node: 'b' })
    assert.deepEqual(shares(both, prefer('Strict')), [1_000])
    assert.deepEqual(shares(both, prefer('Failover')), [1_000])
    assert.equal(pickEndpoint(away, prefer('Strict'), 80, client), undefined)
    assert.equal(pickEndpoint(away, prefer('Failover'), 80, client)?.ip, '10.0.3.0')
  })
})

describe('the target of a CONNECT', () => {
  const target = (authority: string, forwarded?: string) =>
    resolveTarget(mesh(), server, authority, forwarded)

  test('by address keeps the port, and believes the service named in forwarded if it is its own', () => {
    assert.deepEqual(target('10.0.0.2:8080'), { port: 8080, service: undefined })
    assert.deepEqual(target('10.0.0.2:8080', `for="1.2.3.4:5";host=${service.hostname}`), {
      port: 8080,
      service,
    })
    assert.deepEqual(
      target('10.0.0.2:8080', 'for="1.2.3.4:5";host=waypoint.shop.svc.cluster.local'),
      {
        port: 8080,
        service: undefined,
      },
    )
  })

  test("by hostname is the service's target port", () => {
    assert.deepEqual(target(`${service.hostname}:80`), { port: 8080, service })
  })

  const refusals: readonly [string, number][] = [
    ['', 400],
    ['10.0.0.2', 400],
    ['10.0.0.2:0', 400],
    ['10.0.0.2:99999', 400],
    ['10.0.0.1:8080', 400],
    ['unknown.example:80', 503],
    [`${service.hostname}:81`, 503],
    ['10.0.0.2:15008', 503],
    ['10.0.0.2:15001', 503],
    ['10.0.0.2:15006', 503],
  ]
  for (const [authority, status] of refusals) {
    test(`"${authority}" is answered with ${status}`, () => {
      const found = target(authority)
      assert.equal('status' in found && found.status, status)
    })
  }
})
