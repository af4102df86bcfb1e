import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MeshIndex } from '../../proxies/config/mesh-index.ts'
import type { AuthorizationPolicy, PolicyMatch } from '../../proxies/config/mesh-state.ts'
import { evaluate, type PolicyInput } from '../../proxies/policy/rbac.ts'
import { authorize, policiesFor } from '../../proxies/policy/scope.ts'
import { meshWorkload } from '../support/mesh-objects.ts'

const input: PolicyInput = {
  sourceIp: '10.0.1.7',
  sourceIdentity: 'spiffe://cluster.local/ns/shop/sa/web',
  destinationIp: '10.0.2.9',
  destinationPort: 8080,
}
const plaintext: PolicyInput = { ...input, sourceIdentity: undefined }

function policy(
  action: 'Allow' | 'Deny',
  rules: AuthorizationPolicy['rules'],
  overrides: Partial<AuthorizationPolicy> = {},
): AuthorizationPolicy {
  return { name: action, namespace: 'shop', scope: 'Namespace', action, rules, ...overrides }
}
const allow = (...matches: PolicyMatch[]) => policy('Allow', [[matches]])
const deny = (...matches: PolicyMatch[]) => policy('Deny', [[matches]])
const web: PolicyMatch = { principals: [{ Exact: 'cluster.local/ns/shop/sa/web' }] }
const nobody: PolicyMatch = { principals: [{ Exact: 'cluster.local/ns/shop/sa/nobody' }] }

function allowed(policies: readonly AuthorizationPolicy[], connection = input): boolean {
  return evaluate(policies, connection).allowed
}

describe('L4 authorization', () => {
  test('without policies everything is allowed', () => {
    assert.equal(allowed([]), true)
  })

  test('K26: a matching DENY wins over a matching ALLOW', () => {
    assert.equal(allowed([allow(web), deny(web)]), false)
    assert.equal(evaluate([allow(web), deny(web)], input).policy, 'shop/Deny')
  })

  test('K26: once an ALLOW exists, something has to match', () => {
    assert.equal(allowed([allow(web)]), true)
    assert.equal(allowed([allow(nobody)]), false)
    assert.equal(allowed([allow(nobody), allow(web)]), true)
    assert.equal(allowed([deny(nobody)]), true)
  })

  test('K26: a policy without rules never matches, an empty rule always, an empty clause too', () => {
    assert.equal(allowed([policy('Allow', [])]), false)
    assert.equal(allowed([policy('Deny', [])]), true)
    assert.equal(allowed([policy('Deny', [[]])]), false)
    assert.equal(allowed([policy('Deny', [[[]]])]), false)
  })

  test('K26: a match without any field never matches', () => {
    assert.equal(allowed([policy('Deny', [[[{}]]])]), true)
    assert.equal(allowed([policy('Deny', [[[{ principals: [] }]]])]), true)
  })

  test('K26: rules are alternatives, clauses all have to hold, matches of a clause are alternatives', () => {
    const port: PolicyMatch = { destinationPorts: [8080] }
    const otherPort: PolicyMatch = { destinationPorts: [9090] }
    assert.equal(allowed([policy('Allow', [[[nobody]], [[web]]])]), true)
    assert.equal(allowed([policy('Allow', [[[web], [port]]])]), true)
    assert.equal(allowed([policy('Allow', [[[web], [otherPort]]])]), false)
    assert.equal(allowed([policy('Allow', [[[otherPort, port]]])]), true)
    assert.equal(allowed([allow({ ...web, ...otherPort })]), false)
  })

  const fields: readonly [string, PolicyMatch, boolean][] = [
    ['namespace', { namespaces: [{ Exact: 'shop' }] }, true],
    ['other namespace', { namespaces: [{ Exact: 'bank' }] }, false],
    ['not namespace', { notNamespaces: [{ Exact: 'bank' }] }, true],
    ['service account', { serviceAccounts: [{ namespace: 'shop', serviceAccount: 'web' }] }, true],
    [
      'same account elsewhere',
      { serviceAccounts: [{ namespace: 'bank', serviceAccount: 'web' }] },
      false,
    ],
    [
      'not service account',
      { notServiceAccounts: [{ namespace: 'shop', serviceAccount: 'web' }] },
      false,
    ],
    ['principal prefix', { principals: [{ Prefix: 'cluster.local/ns/shop/' }] }, true],
    ['principal suffix', { principals: [{ Suffix: '/sa/web' }] }, true],
    ['principal presence', { principals: [{ Presence: [] }] }, true],
    [
      'principal with scheme',
      { principals: [{ Exact: 'spiffe://cluster.local/ns/shop/sa/web' }] },
      false,
    ],
    ['source network', { sourceIps: ['192.168.0.0/16', '10.0.1.0/24'] }, true],
    ['other source network', { sourceIps: ['10.0.2.0/24'] }, false],
    ['not source network', { notSourceIps: ['10.0.2.0/24'] }, true],
    ['single destination', { destinationIps: ['10.0.2.9'] }, true],
    ['IPv6 destination', { destinationIps: ['::/0'] }, false],
    ['not destination', { notDestinationIps: ['10.0.2.9/32'] }, false],
    ['port', { destinationPorts: [1, 8080] }, true],
    ['not port', { notDestinationPorts: [8080] }, false],
  ]
  for (const [name, match, expected] of fields) {
    test(`${name}: ${expected ? 'matches' : 'does not match'}`, () => {
      assert.equal(allowed([allow(match)]), expected)
    })
  }

  test('K26: plaintext has no principal: it matches none and every negation', () => {
    assert.equal(allowed([allow({ principals: [{ Presence: [] }] })], plaintext), false)
    assert.equal(allowed([deny({ notPrincipals: [{ Presence: [] }] })], plaintext), false)
    assert.equal(allowed([deny({ notPrincipals: [{ Presence: [] }] })], input), true)
  })

  test('a dry run is reported and changes nothing', () => {
    const verdict = evaluate([policy('Deny', [[[web]]], { dryRun: true })], input)
    assert.equal(verdict.allowed, true)
    assert.deepEqual(verdict.dryRun, ['shop/Deny'])
  })

  test('in scope are global policies, those of the namespace and those the workload names', () => {
    const scoped = (name: string, overrides: Partial<AuthorizationPolicy>) =>
      policy('Deny', [], { name, ...overrides })
    const workload = meshWorkload('server', {
      authorizationPolicies: ['shop/selected', 'shop/unknown'],
    })
    const index = new MeshIndex({
      workloads: [workload],
      services: [],
      policies: [
        scoped('global', { scope: 'Global', namespace: 'istio-system' }),
        scoped('namespace', {}),
        scoped('elsewhere', { namespace: 'bank' }),
        scoped('selected', { scope: 'WorkloadSelector' }),
        scoped('not-selected', { scope: 'WorkloadSelector' }),
      ],
    })
    assert.deepEqual(
      policiesFor(index, workload).map(({ name }) => name),
      ['global', 'namespace', 'selected'],
    )
  })

  test('K27: STRICT refuses plaintext and nothing else', () => {
    const workload = meshWorkload('server')
    const index = new MeshIndex({ workloads: [workload], services: [], policies: [] })
    assert.equal(authorize(index, workload, 'STRICT', plaintext).allowed, false)
    assert.equal(authorize(index, workload, 'STRICT', input).allowed, true)
    assert.equal(authorize(index, workload, 'PERMISSIVE', plaintext).allowed, true)
  })
})
