import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseZtunnelDump } from '../../../migration/inventory/ztunnel-dump.ts'

const ztunnel = { namespace: 'istio-system', name: 'ztunnel-x' }
const cart = { namespace: 'shop', name: 'cart-1', uid: 'uid-cart' }
const web = { namespace: 'shop', name: 'web-1', uid: 'uid-web' }

test('a dump tells captured pods from sidecars that take HBONE, and whom ztunnel serves', () => {
  const dump = parseZtunnelDump(ztunnel, {
    workloads: [
      {
        uid: 'Kubernetes//Pod/shop/cart-1',
        name: 'cart-1',
        namespace: 'shop',
        protocol: 'HBONE',
        authorizationPolicies: ['istio-system/istio_converted_static_strict'],
        waypoint: { destination: 'shop/waypoint.shop.svc.cluster.local', hboneMtlsPort: 15008 },
      },
      {
        uid: 'Kubernetes//Pod/shop/web-1',
        name: 'web-1',
        namespace: 'shop',
        protocol: 'HBONE',
        nativeTunnel: true,
      },
      {
        uid: 'Kubernetes/networking.istio.io/WorkloadEntry/shop/vm',
        name: 'vm',
        namespace: 'shop',
      },
    ],
    services: [
      {
        name: 'cart',
        namespace: 'shop',
        hostname: 'cart.shop.svc.cluster.local',
        waypoint: { destination: { network: '', address: '10.0.0.9' }, hboneMtlsPort: 15008 },
      },
    ],
    workloadState: { 'uid-cart': { state: 'Up', info: { name: 'cart-1' } } },
  })
  assert.deepEqual(dump.workload(cart), {
    protocol: 'HBONE',
    nativeTunnel: false,
    authorizationPolicies: ['istio-system/istio_converted_static_strict'],
    waypoint: 'shop/waypoint.shop.svc.cluster.local',
  })
  assert.equal(dump.workload(web)?.nativeTunnel, true)
  assert.equal(dump.workload({ namespace: 'shop', name: 'vm' }), undefined)
  assert.equal(dump.service({ namespace: 'shop', name: 'cart' })?.waypoint, '/10.0.0.9')
  assert.deepEqual([dump.state(cart), dump.state(web)], ['Up', undefined])
})

test('a ztunnel that lists its own workloads serves those', () => {
  const dump = parseZtunnelDump(ztunnel, { local: [{ uid: 'cluster1//Pod/shop/cart-1' }] })
  assert.deepEqual([dump.state(cart), dump.state(web)], ['Up', undefined])
})

test('no dump is no proof: what is not an object is refused, what lacks lists is empty', () => {
  assert.throws(() => parseZtunnelDump(ztunnel, 'ready'), TypeError)
  const empty = parseZtunnelDump(ztunnel, {})
  assert.deepEqual([empty.workload(cart), empty.state(cart)], [undefined, undefined])
})
