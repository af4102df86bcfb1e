import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findWorkload } from '../../../harness/deploy/workload.ts'
import { targetsOf } from '../../../harness/rehearsal/targets.ts'

test('every HTTP service of the shop is called, in inverse proportion to what it sets off', () => {
  const objects = findWorkload('shop').manifests({ namespace: 'shop' })
  const weights = targetsOf(objects).map(({ service, weight }) => [
    service,
    Math.round((1 / weight) * 10) / 10,
  ])
  assert.deepEqual(Object.fromEntries(weights), {
    storefront: 6.5,
    catalog: 1,
    recommendations: 2,
    cart: 2,
    checkout: 5,
    payments: 1,
    shipping: 1,
  })
})

test('one entry can be asked for by name; a name that is none is refused with those there are', () => {
  const objects = findWorkload('shop').manifests({ namespace: 'shop' })
  assert.deepEqual(targetsOf(objects, 'cart'), [
    { service: 'cart', weight: 0.5, workloads: ['cart'] },
  ])
  assert.throws(() => targetsOf(objects, 'cart-store'), {
    code: 'unknown-workload',
    hint: /HTTP services: storefront, catalog/,
  })
})
