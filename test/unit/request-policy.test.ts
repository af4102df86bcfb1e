import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AuthorizationPolicy, meshKinds } from '../../cluster/mesh/istio-objects.ts'
import { convertForRequests } from '../../cluster/mesh/request-policy.ts'
import type { RequestPolicy } from '../../proxies/config/l7.ts'
import {
  connectionInput,
  connectionPolicies,
  denial,
  type RequestInput,
} from '../../proxies/policy/request-rbac.ts'

type Spec = NonNullable<AuthorizationPolicy['spec']>
type Rule = NonNullable<Spec['rules']>[number]

function allows(policies: readonly RequestPolicy[], input: RequestInput): boolean {
  return denial(policies, input) === undefined
}

function converted(spec: Spec): ReturnType<typeof convertForRequests> {
  const metadata = { name: 'p', namespace: 'shop' }
  return convertForRequests({ ...meshKinds.authorizationPolicy, metadata, spec })
}

function policy(action: NonNullable<Spec['action']>, ...rules: Rule[]): RequestPolicy {
  const { policy: made } = converted({ action, rules })
  assert.ok(made)
  return made
}

const headers: Readonly<Record<string, string>> = { 'x-team': 'blue', 'x-empty': '' }
const input: RequestInput = {
  sourceIp: '10.0.1.7',
  sourceIdentity: 'spiffe://cluster.local/ns/shop/sa/web',
  destinationIp: '10.0.2.9',
  destinationPort: 8080,
  method: 'GET',
  path: '/cart/items',
  host: 'Cart.shop',
  header: (name) => headers[name],
  claims: { iss: 'https://issuer', sub: 'ann', groups: ['buyers', 'admins'], realm: { role: 'x' } },
}

const to = (operation: Record<string, string[]>): Rule => ({ to: [{ operation }] })
const from = (source: Record<string, string[]>): Rule => ({ from: [{ source }] })
const when = (key: string, values: string[], notValues: string[] = []): Rule => ({
  when: [{ key, values, notValues }],
})

describe('L7 authorization', () => {
  const rows: readonly (readonly [string, Rule, boolean])[] = [
    ['an exact path', to({ paths: ['/cart/items'] }), true],
    ['a path prefix', to({ paths: ['/cart/*'] }), true],
    ['a path suffix', to({ paths: ['*/items'] }), true],
    ['any path', to({ paths: ['*'] }), true],
    ['another path', to({ paths: ['/cart'] }), false],
    ['not that path', to({ notPaths: ['/cart/*'] }), false],
    ['one of the methods', to({ methods: ['PUT', 'GET'] }), true],
    ['another method', to({ methods: ['POST'] }), false],
    ['a host in other case', to({ hosts: ['cart.SHOP'] }), true],
    ['a host suffix', to({ hosts: ['*.shop'] }), true],
    ['another host', to({ hosts: ['cart.bank'] }), false],
    ['the port', to({ ports: ['8080'] }), true],
    ['another port', to({ ports: ['9090'] }), false],
    ['method and path together', to({ methods: ['GET'], paths: ['/admin'] }), false],
    ['the principal', from({ principals: ['cluster.local/ns/shop/sa/web'] }), true],
    ['the namespace', from({ namespaces: ['shop'] }), true],
    ['not the namespace', from({ notNamespaces: ['shop'] }), false],
    ['the service account', from({ serviceAccounts: ['web'] }), true],
    ['a network', from({ ipBlocks: ['10.0.1.0/24'] }), true],
    ['another network', from({ ipBlocks: ['10.0.2.0/24'] }), false],
    ['a token of anybody', from({ requestPrincipals: ['*'] }), true],
    ['a token of somebody', from({ requestPrincipals: ['https://issuer/ann'] }), true],
    ['a token of somebody else', from({ requestPrincipals: ['https://issuer/bob'] }), false],
    ['no token', from({ notRequestPrincipals: ['*'] }), false],
    ['a header', when('request.headers[X-Team]', ['blue']), true],
    ['another value of a header', when('request.headers[X-Team]', ['red']), false],
    ['a header that must not be so', when('request.headers[X-Team]', [], ['blue']), false],
    ['a missing header', when('request.headers[x-none]', ['*']), false],
    ['an empty header', when('request.headers[x-empty]', ['*']), false],
    ['a claim', when('request.auth.claims[iss]', ['https://issuer']), true],
    ['a member of a claim', when('request.auth.claims[groups]', ['admins']), true],
    ['a nested claim', when('request.auth.claims[realm][role]', ['x']), true],
    ['a claim that is missing', when('request.auth.claims[none]', ['*']), false],
    ['the source principal', when('source.principal', ['cluster.local/ns/shop/sa/web']), true],
    ['the source namespace', when('source.namespace', ['bank']), false],
    ['the source address', when('source.ip', ['10.0.1.7']), true],
    ['the destination port', when('destination.port', ['8080']), true],
    ['an empty rule', {}, true],
  ]
  for (const [name, rule, expected] of rows) {
    test(`${name} ${expected ? 'matches' : 'does not match'}`, () => {
      assert.equal(allows([policy('ALLOW', rule)], input), expected, 'ALLOW')
      assert.equal(allows([policy('DENY', rule)], input), !expected, 'DENY')
    })
  }

  test('DENY wins over ALLOW; without ALLOW the rest is allowed', () => {
    const get = to({ methods: ['GET'] })
    const put = to({ methods: ['PUT'] })
    assert.equal(allows([], input), true)
    assert.equal(allows([policy('ALLOW', get), policy('DENY', get)], input), false)
    assert.equal(allows([policy('DENY', put)], input), true)
    assert.equal(allows([policy('ALLOW', put), policy('ALLOW', get)], input), true)
    assert.equal(allows([policy('ALLOW')], input), false, 'an ALLOW without rules admits nobody')
  })

  test('entries are alternatives, from, to and when have to hold together', () => {
    const rule: Rule = {
      from: [{ source: { namespaces: ['bank'] } }, { source: { namespaces: ['shop'] } }],
      to: [{ operation: { methods: ['PUT'] } }, { operation: { paths: ['/cart/*'] } }],
      when: [{ key: 'request.headers[x-team]', values: ['blue'] }],
    }
    assert.equal(allows([policy('ALLOW', rule)], input), true)
    assert.equal(allows([policy('ALLOW', rule)], { ...input, path: '/x' }), false)
    assert.equal(allows([policy('ALLOW', rule)], { ...input, header: () => undefined }), false)
  })

  test('without an identity no principal matches and every negation does', () => {
    const plaintext = { ...input, sourceIdentity: undefined }
    assert.equal(allows([policy('DENY', from({ notPrincipals: ['*'] }))], plaintext), false)
    assert.equal(allows([policy('ALLOW', from({ principals: ['*'] }))], plaintext), false)
  })

  test('what cannot be judged closes: ALLOW loses the rule, DENY the field', () => {
    const unknown = when('connection.sni', ['x'])
    const allow = converted({ action: 'ALLOW', rules: [unknown] })
    assert.deepEqual(allow.unsupported, ['connection.sni'])
    assert.equal(allows(allow.policy ? [allow.policy] : [], input), false)
    const deny = policy('DENY', { ...unknown, ...to({ methods: ['GET'] }) })
    assert.equal(allows([deny], input), false)
    assert.equal(allows([deny], { ...input, method: 'PUT' }), true)
  })

  test('CUSTOM refuses what it would ask about, AUDIT changes nothing, and both are reported', () => {
    const custom = converted({ action: 'CUSTOM', rules: [to({ paths: ['/cart/*'] })] })
    assert.deepEqual(custom.unsupported, ['action CUSTOM'])
    assert.equal(allows(custom.policy ? [custom.policy] : [], input), false)
    assert.equal(allows(custom.policy ? [custom.policy] : [], { ...input, path: '/' }), true)
    assert.deepEqual(converted({ action: 'AUDIT', rules: [{}] }), { unsupported: ['action AUDIT'] })
  })

  test('on TCP an ALLOW about requests admits nobody and a DENY keeps its L4 part', () => {
    const connection = connectionInput(input)
    const tcp = (...all: RequestPolicy[]): boolean => allows(connectionPolicies(all), connection)
    assert.equal(tcp(policy('ALLOW', to({ methods: ['GET'] }))), false)
    assert.equal(tcp(policy('ALLOW', from({ namespaces: ['shop'] }))), true)
    assert.equal(tcp(policy('DENY', to({ ports: ['8080'], paths: ['/x'] }))), false)
    assert.equal(tcp(policy('DENY', to({ ports: ['9090'], paths: ['/x'] }))), true)
    assert.equal(tcp(policy('DENY', to({ methods: ['PUT'] }))), false, 'nothing is left: all')
  })
})
