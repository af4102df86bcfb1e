import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { durationMs } from '../../cluster/mesh/durations.ts'
import { headerChange } from '../../cluster/mesh/header-changes.ts'
import { convertHttpRoute, sortRules } from '../../cluster/mesh/http-routes.ts'
import { type HttpRoute, type HttpRouteRule, meshKinds } from '../../cluster/mesh/istio-objects.ts'
import { convertVirtualService } from '../../cluster/mesh/virtual-services.ts'
import type { RouteMatch } from '../../proxies/config/l7.ts'
import { Outliers } from '../../proxies/routing/outliers.ts'
import { redirectLocation, rewritePath } from '../../proxies/routing/rewrite.ts'
import { RouteTable, weighted } from '../../proxies/routing/route-table.ts'

const resolve = ({ name, port }: { name: string; port?: number }) =>
  name === 'gone'
    ? ({ problem: 'BackendNotFound' } as const)
    : { service: `shop/${name}`, port: port ?? 80 }

function route(...rules: HttpRouteRule[]): HttpRoute {
  return { ...meshKinds.httpRoute, metadata: { name: 'r', namespace: 'shop' }, spec: { rules } }
}

/** Which rule, named by its backend, a request meets. */
function meets(
  rules: readonly HttpRouteRule[],
  request: { path: string; method?: string; query?: string; headers?: Record<string, string> },
): string | undefined {
  const table = new RouteTable(sortRules(convertHttpRoute(route(...rules), resolve).rules))
  const { path, method = 'GET', query = '', headers = {} } = request
  const found = table.find({ path, method, query, header: (name) => headers[name] })
  return found?.action.backends[0]?.service.replace('shop/', '')
}
const rule = (name: string, ...matches: NonNullable<HttpRouteRule['matches']>): HttpRouteRule => ({
  matches,
  backendRefs: [{ name, port: 80 }],
})

describe('HTTPRoute', () => {
  test('K47: exact comes before prefix before pattern, the longer path first', () => {
    const rules = [
      rule('pattern', { path: { type: 'RegularExpression', value: '/a/.*' } }),
      rule('short', { path: { type: 'PathPrefix', value: '/a' } }),
      rule('long', { path: { type: 'PathPrefix', value: '/a/b' } }),
      rule('exact', { path: { type: 'Exact', value: '/a' } }),
    ]
    assert.equal(meets(rules, { path: '/a' }), 'exact')
    assert.equal(meets(rules, { path: '/a/b/c' }), 'long')
    assert.equal(meets(rules, { path: '/a/x' }), 'short')
    assert.equal(meets(rules.slice(0, 1), { path: '/a/x' }), 'pattern')
    assert.equal(meets(rules, { path: '/z' }), undefined)
  })

  test('then a method, then more headers, then more query parameters', () => {
    const rules = [
      rule('plain', {}),
      rule('query', { queryParams: [{ name: 'q', value: '1' }] }),
      rule('header', { headers: [{ name: 'X-A', value: '1' }] }),
      rule('method', { method: 'GET' }),
    ]
    const headers = { 'x-a': '1' }
    assert.equal(meets(rules, { path: '/', query: 'q=1', headers }), 'method')
    assert.equal(meets(rules, { path: '/', query: 'q=1', headers, method: 'PUT' }), 'header')
    assert.equal(meets(rules, { path: '/', query: 'q=1', method: 'PUT' }), 'query')
    assert.equal(meets(rules, { path: '/', method: 'PUT' }), 'plain')
  })

  test('a prefix ends at a segment, a pattern covers the whole value', () => {
    const prefix = [rule('p', { path: { type: 'PathPrefix', value: '/a/' } })]
    assert.equal(meets(prefix, { path: '/a' }), 'p')
    assert.equal(meets(prefix, { path: '/ab' }), undefined)
    const pattern = [
      rule('p', { headers: [{ name: 'v', value: 'b+', type: 'RegularExpression' }] }),
    ]
    assert.equal(meets(pattern, { path: '/', headers: { v: 'bb' } }), 'p')
    assert.equal(meets(pattern, { path: '/', headers: { v: 'abb' } }), undefined)
  })

  test('a backend that does not exist, an unknown filter and no backend at all are invalid', () => {
    const { rules, problems, unsupported } = convertHttpRoute(
      route(
        rule('gone', {}),
        { filters: [{ type: 'ExtensionRef' }], backendRefs: [{ name: 'a', port: 80 }] },
        {},
      ),
      resolve,
    )
    assert.deepEqual(
      rules.map(({ action }) => action.backends.map(({ invalid }) => invalid)),
      [[true], [true], [true]],
    )
    assert.deepEqual(
      problems.map(({ reason }) => reason),
      ['BackendNotFound'],
    )
    assert.deepEqual(unsupported, ['filter ExtensionRef'])
  })

  test('timeouts, retries and mirrors keep their numbers', () => {
    const [first] = convertHttpRoute(
      route({
        timeouts: { request: '1.5s', backendRequest: '500ms' },
        retry: { attempts: 3, codes: [503], backoff: '10ms' },
        filters: [
          {
            type: 'RequestMirror',
            requestMirror: {
              backendRef: { name: 'm', port: 80 },
              fraction: { numerator: 1, denominator: 4 },
            },
          },
        ],
        backendRefs: [{ name: 'a', port: 80 }],
      }),
      resolve,
    ).rules
    assert.equal(first?.action.timeoutMs, 1_500)
    assert.deepEqual(first?.action.retry, {
      attempts: 3,
      connectFailure: true,
      reset: false,
      statuses: [503],
      perTryTimeoutMs: 500,
      backOffMs: 10,
    })
    assert.equal(first?.action.mirrors?.[0]?.percent, 25)
  })
})

describe('VirtualService', () => {
  const convert = (http: readonly Record<string, unknown>[]) =>
    convertVirtualService(
      { ...meshKinds.virtualService, metadata: { name: 'v', namespace: 'shop' }, spec: { http } },
      ({ host }) => ({ service: `shop/${host}`, port: 80 }),
    )

  test('rules keep their order, a prefix is one of characters', () => {
    const { rules } = convert([
      { match: [{ uri: { prefix: '/a' } }], route: [{ destination: { host: 'first' } }] },
      { match: [{ uri: { exact: '/abc' } }], route: [{ destination: { host: 'second' } }] },
    ])
    const table = new RouteTable(rules)
    const request = { path: '/abc', method: 'GET', query: '', header: () => undefined }
    assert.equal(table.find(request)?.action.backends[0]?.service, 'shop/first')
  })

  test('a field that is not known makes its route answer 500 and is named', () => {
    const { rules, unsupported } = convert([
      { fault: { abort: {} }, route: [{ destination: { host: 'a' } }] },
    ])
    assert.equal(rules[0]?.action.backends[0]?.invalid, true)
    assert.deepEqual(unsupported, ['fault'])
  })

  test('retryOn becomes conditions and statuses', () => {
    const { rules } = convert([
      {
        route: [{ destination: { host: 'a' } }],
        retries: { attempts: 4, perTryTimeout: '2s', retryOn: 'gateway-error,reset,418' },
      },
    ])
    assert.deepEqual(rules[0]?.action.retry, {
      attempts: 4,
      connectFailure: true,
      reset: true,
      statuses: [418, 502, 503, 504],
      perTryTimeoutMs: 2_000,
    })
  })
})

test('K47: a choice by weight takes the share, and never a weight of 0', () => {
  const choices = [
    { name: 'none', weight: 0 },
    { name: 'a', weight: 1 },
    { name: 'b', weight: 3 },
  ]
  const at = (share: number): string | undefined => weighted(choices, () => share)?.name
  assert.deepEqual([at(0), at(0.24), at(0.25), at(0.99)], ['a', 'a', 'b', 'b'])
  assert.equal(weighted([{ weight: 0 }]), undefined)
})

test('a rewritten path keeps the query and never doubles or loses a slash', () => {
  const match = (segments: string): RouteMatch => ({ path: { segments } })
  const replaced = (target: string, prefix: string, by: string): string =>
    rewritePath(target, { prefix: by }, match(prefix))
  assert.equal(replaced('/foo/bar?q=1', '/foo', '/xyz'), '/xyz/bar?q=1')
  assert.equal(replaced('/foo/bar', '/foo/', '/xyz/'), '/xyz/bar')
  assert.equal(replaced('/foo', '/foo', '/xyz'), '/xyz')
  assert.equal(replaced('/foo/bar', '/foo', '/'), '/bar')
  assert.equal(replaced('/foo', '/foo', '/'), '/')
  assert.equal(replaced('/bar', '/', '/xyz'), '/xyz/bar')
  assert.equal(rewritePath('/a?b', { full: '/c' }, {}), '/c?b')
})

test('a redirect takes from the request what it leaves open', () => {
  const request = { host: 'shop:8080', target: '/a?b' }
  const to = (redirect: object): string =>
    redirectLocation({ status: 302, ...redirect }, request, {})
  assert.equal(to({}), 'http://shop:8080/a?b')
  assert.equal(to({ host: 'other' }), 'http://other/a?b')
  assert.equal(to({ scheme: 'https' }), 'https://shop/a?b')
  assert.equal(to({ port: 80 }), 'http://shop/a?b')
  assert.equal(to({ path: { full: '/x' }, port: 81 }), 'http://shop:81/x?b')
})

test('durations add up, and nonsense is none', () => {
  assert.deepEqual(['1h', '1m30s', '250ms', '0s', '1.5s', 'soon', '5'].map(durationMs), [
    3_600_000,
    90_000,
    250,
    0,
    1_500,
    undefined,
    undefined,
  ])
})

test('a header filter may not touch framing nor smuggle a line', () => {
  assert.deepEqual(
    headerChange({
      set: [{ name: 'X-A', value: 'a\r\nX-B: b' }],
      add: [{ name: 'Content-Length', value: '0' }],
      remove: ['Transfer-Encoding', 'x-c', 'no name'],
    }),
    { set: [['X-A', 'aX-B: b']], add: [], remove: ['x-c'] },
  )
})

describe('outlier detection', () => {
  const policy = {
    consecutive5xx: 3,
    consecutiveGatewayErrors: 2,
    intervalMs: 1_000,
    baseEjectionMs: 5_000,
    maxEjectionPercent: 50,
  }
  const a = { name: 'a' }
  const b = { name: 'b' }
  let nowMs = 0
  const outliers = (): Outliers<object> => {
    nowMs = 1_000
    return new Outliers<object>(policy, () => nowMs)
  }
  const answers = (one: Outliers<object>, endpoint: object, ...statuses: number[]): boolean => {
    for (const status of statuses) one.answered(endpoint, status, 4)
    return one.isEjected(endpoint)
  }

  test('three errors in a row eject, a success in between starts anew', () => {
    assert.equal(answers(outliers(), a, 500, 500, 200, 500, 500), false)
    assert.equal(answers(outliers(), a, 500, 500, 500), true)
  })

  test('two gateway errors in a row eject sooner', () => {
    assert.equal(answers(outliers(), a, 503, 500, 503), true, 'three 5xx all the same')
    assert.equal(answers(outliers(), a, 503, 504), true)
    assert.equal(answers(outliers(), a, 500, 503), false)
  })

  test('the second ejection lasts twice as long, unless it was quiet for long', () => {
    const one = outliers()
    answers(one, a, 503, 503)
    nowMs += 5_000
    assert.equal(one.isEjected(a), false)
    answers(one, a, 503, 503)
    nowMs += 9_999
    assert.equal(one.isEjected(a), true)
    nowMs += 60_000
    answers(one, a, 503, 503)
    nowMs += 5_000
    assert.equal(one.isEjected(a), false)
  })

  test('no more than the given share is ejected', () => {
    const one = outliers()
    const endpoints = [a, b, { name: 'c' }]
    const ejected = endpoints.map((endpoint) => answers(one, endpoint, 503, 503))
    assert.deepEqual(ejected, [true, true, false])
  })
})
