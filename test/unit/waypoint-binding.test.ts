import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Gateway, kinds, type Pod, type Service } from '../../cluster/kinds.ts'
import {
  podBinding,
  serviceBinding,
  type WaypointSources,
  waypointAddress,
} from '../../cluster/mesh/waypoint-binding.ts'

type Labels = Readonly<Record<string, string>>

const USE = { 'istio.io/use-waypoint': 'waypoint' }

function serves(traffic: string): Labels {
  return { 'istio.io/waypoint-for': traffic }
}

function gateway(labels: Labels, allowedRoutes?: object): Gateway {
  const listener = { name: 'mesh', port: 15008, protocol: 'HBONE' }
  return {
    ...kinds.gateway,
    metadata: { name: 'waypoint', namespace: 'shop', labels },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ ...listener, ...(allowedRoutes ? { allowedRoutes } : {}) }],
    },
    status: { addresses: [{ type: 'IPAddress', value: '127.1.192.9' }] },
  }
}

function sources(
  of: Gateway | undefined,
  namespace: Labels = {},
  gatewayClass: Labels = {},
): WaypointSources {
  return {
    gateways: of ? [of] : [],
    namespaceLabels: () => namespace,
    classLabels: (name) => (name === 'istio-waypoint' ? gatewayClass : undefined),
  }
}

function pod(labels: Labels = {}, namespace = 'shop'): Pod {
  return { ...kinds.pod, metadata: { name: 'p', namespace, labels }, spec: { containers: [] } }
}

function service(labels: Labels = {}, namespace = 'shop'): Service {
  return { ...kinds.service, metadata: { name: 's', namespace, labels }, spec: {} }
}

const YES = 'WaypointAccepted'
const NO = 'UnsupportedTrafficType'

describe('what a waypoint is for', () => {
  const cases: readonly (readonly [string, Labels, Labels, string, string])[] = [
    ['nothing said', {}, {}, YES, NO],
    ['service', serves('service'), {}, YES, NO],
    ['workload', serves('workload'), {}, NO, YES],
    ['all', serves('all'), {}, YES, YES],
    ['none', serves('none'), {}, NO, NO],
    ['its class says all', {}, serves('all'), YES, YES],
    ['it says none, its class all', serves('none'), serves('all'), NO, NO],
  ]
  for (const [name, own, ofClass, forService, forPod] of cases) {
    test(`K23: ${name}`, () => {
      const given = sources(gateway(own), {}, ofClass)
      assert.equal(serviceBinding(service(USE), given)?.reason, forService)
      assert.equal(podBinding(pod(USE), given)?.reason, forPod)
    })
  }
})

test('K23: a namespace that names a waypoint for services says nothing about its pods', () => {
  assert.equal(podBinding(pod(), sources(gateway({}), USE)), undefined)
  const all = sources(gateway(serves('all')), USE)
  assert.equal(podBinding(pod(), all)?.reason, 'WaypointAccepted')
  assert.equal(podBinding(pod({ 'istio.io/use-waypoint': 'none' }), all), undefined)
  assert.equal(serviceBinding(service({ 'istio.io/use-waypoint': 'none' }), all), undefined)
})

test("an object's own waypoint is not replaced by its namespace's", () => {
  const missing = { 'istio.io/use-waypoint': 'missing' }
  const bound = podBinding(pod(missing), sources(gateway(serves('all')), USE))
  assert.deepEqual(bound, { name: 'missing', namespace: 'shop', reason: 'WaypointIsNotReady' })
  assert.equal(waypointAddress(bound), undefined)
})

test('waypoints have no waypoint', () => {
  const managed = { 'gateway.istio.io/managed': 'istio.io-mesh-controller' }
  assert.equal(podBinding(pod(managed), sources(gateway(serves('all')), USE)), undefined)
})

describe('a waypoint of another namespace', () => {
  const labels = { ...USE, 'istio.io/use-waypoint-namespace': 'shop' }
  for (const [name, allowedRoutes, reason] of [
    ['lets nobody else in by itself', undefined, 'AttachmentDenied'],
    ['Same', { namespaces: { from: 'Same' } }, 'AttachmentDenied'],
    ['All', { namespaces: { from: 'All' } }, 'WaypointAccepted'],
    [
      'Selector that matches',
      {
        namespaces: {
          from: 'Selector',
          selector: { matchLabels: { 'kubernetes.io/metadata.name': 'web' } },
        },
      },
      'WaypointAccepted',
    ],
    [
      'Selector that does not',
      { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } } },
      'AttachmentDenied',
    ],
  ] as const) {
    test(name, () => {
      const given = sources(gateway(serves('all'), allowedRoutes))
      assert.equal(serviceBinding(service(labels, 'web'), given)?.reason, reason)
      const bound = podBinding(pod(labels, 'web'), given)
      assert.equal(bound?.reason, reason)
      assert.deepEqual(
        waypointAddress(bound),
        reason === 'WaypointAccepted'
          ? { destination: 'shop/waypoint.shop.svc.cluster.local', hboneMtlsPort: 15008 }
          : undefined,
      )
    })
  }
})
