import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NotReadable } from '../../../migration/inventory/snapshot.ts'
import type { Check } from '../../../migration/preflight/check.ts'
import { blocker, warning } from '../../../migration/preflight/finding.ts'
import { checks } from '../../../migration/preflight/registry.ts'
import { blockers, runChecks } from '../../../migration/preflight/run-checks.ts'
import { checkResultSchema } from '../../../migration/result/findings.ts'
import { contextOf } from '../../support/check-cases.ts'
import { checkSeverities } from '../../support/check-severities.ts'
import { object } from '../../support/healthy-mesh.ts'

const check = (id: string, evaluate: Check['evaluate']): Check => ({
  id,
  title: 'Something',
  link: 'https://istio.io/',
  evaluate,
})
const about = (resource: string) => ({ resource, reason: 'because', remedy: 'do' })

test('a check that cannot be evaluated says why, and spoils no other', () => {
  const results = runChecks(contextOf({}), [
    check('MB001', () => {
      throw new NotReadable('no permission to list pods')
    }),
    check('MB002', () => {
      throw new TypeError('x is not a function')
    }),
    check('MB003', () => [warning(about('Pod shop/a'))]),
    check('MB004', () => []),
  ])
  assert.deepEqual(
    results.map(({ id, outcome, why }) => [id, outcome, why]),
    [
      ['MB001', 'not-evaluated', 'no permission to list pods'],
      [
        'MB002',
        'not-evaluated',
        'an object is not what its kind should look like (x is not a function)',
      ],
      ['MB003', 'found', undefined],
      ['MB004', 'clear', undefined],
    ],
  )
  for (const result of results) checkResultSchema.parse(result)
})

test('what is accepted no longer blocks; what cannot be accepted goes on blocking', () => {
  const context = contextOf({ options: { accept: ['MB001', 'MB002=Pod shop/b', 'MB003'] } })
  const results = runChecks(context, [
    check('MB001', () => [blocker(about('Pod shop/a'), true)]),
    check('MB002', () => [blocker(about('Pod shop/a'), true), blocker(about('Pod shop/b'), true)]),
    check('MB003', () => [blocker(about('Pod shop/a'))]),
    check('MB004', () => [warning(about('Pod shop/a'))]),
  ])
  const accepted = results.flatMap(({ findings }) => findings.map((one) => one.accepted))
  assert.deepEqual(accepted, [true, undefined, true, undefined, undefined])
  assert.deepEqual(
    blockers(results).map(({ id, resource }) => `${id} ${resource}`),
    ['MB002 Pod shop/a', 'MB003 Pod shop/a'],
  )
})

test('a healthy mesh has no blocker, and every check can be evaluated but those that need more', () => {
  const results = runChecks(contextOf({}))
  assert.deepEqual(blockers(results), [])
  const unread = results.filter(({ outcome }) => outcome === 'not-evaluated')
  assert.deepEqual(
    unread.map(({ id }) => id),
    ['MB022', 'MB026'],
  )
})

test('no check breaks on objects that say no more than they must', () => {
  const template = { spec: { containers: [{ name: 'app' }] } }
  const least = contextOf({
    add: [
      object('apps/v1', 'Deployment', 'shop/bare', { spec: { selector: {}, template } }),
      object('apps/v1', 'StatefulSet', 'shop/bare', { spec: { selector: {}, template } }),
      object('apps/v1', 'DaemonSet', 'shop/bare', { spec: { selector: {}, template } }),
      object('batch/v1', 'Job', 'shop/bare', { spec: { template } }),
      object('batch/v1', 'CronJob', 'shop/bare', { spec: { jobTemplate: { spec: { template } } } }),
      object('v1', 'Pod', 'shop/bare', { spec: { containers: [] } }),
      object('v1', 'Service', 'shop/bare', { spec: {} }),
      object('v1', 'Node', 'bare'),
      object('networking.k8s.io/v1', 'NetworkPolicy', 'shop/bare', { spec: { podSelector: {} } }),
      object('gateway.networking.k8s.io/v1', 'Gateway', 'shop/bare', {
        spec: { gatewayClassName: 'istio-waypoint' },
      }),
      object('gateway.networking.k8s.io/v1', 'HTTPRoute', 'shop/bare', { spec: {} }),
      ...['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication'].map((kind) =>
        object('security.istio.io/v1', kind, 'shop/bare'),
      ),
      ...['VirtualService', 'DestinationRule', 'ServiceEntry', 'Sidecar', 'WorkloadEntry'].map(
        (kind) => object('networking.istio.io/v1', kind, 'shop/bare'),
      ),
      object('networking.istio.io/v1alpha3', 'EnvoyFilter', 'shop/bare'),
      object('telemetry.istio.io/v1', 'Telemetry', 'shop/bare'),
      object('extensions.istio.io/v1alpha1', 'WasmPlugin', 'shop/bare'),
    ],
    options: { waypoint: 'always', restartWorkloads: true },
  })
  for (const { id, outcome, why } of runChecks(least)) {
    assert.ok(!why?.includes('not what its kind'), `${id}: ${outcome} ${why}`)
  }
})

test('there are exactly the 75 checks of the page, each once, in order, and each leads to a page', () => {
  const ids = checks.map(({ id }) => id)
  assert.deepEqual(ids, Object.keys(checkSeverities))
  assert.equal(ids.length, 75)
  for (const { id, title, link } of checks) {
    assert.match(title, /^[A-Za-z].{10,80}[^.]$/, id)
    assert.match(link, /^https:\/\/(istio\.io|kubernetes\.io|github\.com|docs\.cilium\.io)\//, id)
  }
})
