import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuthorizationPolicy } from '../../../cluster/mesh/istio-objects.ts'
import { atZtunnel } from '../../../migration/policy/at-ztunnel.ts'
import { policy } from '../../support/snapshots.ts'

const mesh = { trustDomain: 'cluster.local', trustDomainAliases: [] }
const methods = { to: [{ operation: { methods: ['GET'] } }] }

function judged(version: string | undefined, value: string, spec: Record<string, unknown>) {
  const object = policy('p', spec, 'shop', { 'istio.io/dry-run': value }) as AuthorizationPolicy
  const found = atZtunnel(object, { ...mesh, ...(version && { istioVersion: version }) })
  return [found.verdict, found.dryRun, found.tighter, found.looser]
}

test('E2 as a dry run is enforced by istiod before 1.25.2 and not sent from then on (#55414)', () => {
  const enforced = ['allow-nothing', true, true, false]
  const notSent = ['not-sent', true, false, false]
  const versions = ['1.24.6', '1.25.1', '1.25.2', '1.28.0', '1.31.0']
  assert.deepEqual(
    versions.map((version) => judged(version, 'true', { rules: [methods] })),
    [enforced, enforced, notSent, notSent, notSent],
  )
})

test('what Go takes for true is a dry run; anything else is a live policy', () => {
  const dry = (value: string) => judged('1.31.0', value, { rules: [methods] })[0]
  const yes = ['1', 't', 'T', 'true', 'TRUE', 'True'].map(dry)
  assert.deepEqual(new Set(yes), new Set(['not-sent']))
  const no = ['0', 'false', 'yes', 'tRUE', ' true', ''].map(dry)
  assert.deepEqual(new Set(no), new Set(['allow-nothing']))
})

test('E7 as a dry run is inert before 1.25.2, and an exact DENY refuses in earnest there', () => {
  const deny = (rule: object) => judged('1.25.1', 'true', { action: 'DENY', rules: [rule] })
  assert.deepEqual(deny(methods), ['deny-inert', true, false, true])
  assert.deepEqual(deny({ from: [{ source: { namespaces: ['ops'] } }] }), [
    'exact',
    true,
    false,
    false,
  ])
})
