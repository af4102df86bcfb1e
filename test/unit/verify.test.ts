import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMetrics, sumMetric } from '../../harness/verify/metrics.ts'
import { type ProxyCounters, provePath } from '../../harness/verify/path.ts'

const text = `# HELP istio_requests_total requests
# TYPE istio_requests_total counter
istio_requests_total{reporter="destination",connection_security_policy="mutual_tls",path="a\\"b,c}"} 41
istio_requests_total{reporter="destination",connection_security_policy="none"} 7
istio_requests_total{reporter="source",connection_security_policy="unknown"} 48 1700000000
process_open_fds 12
istio_odd_value NaN
`

test('samples are read with their labels, escapes and without time stamps', () => {
  const samples = parseMetrics(text)
  assert.equal(samples.length, 5)
  assert.deepEqual(samples[0], {
    name: 'istio_requests_total',
    labels: {
      reporter: 'destination',
      connection_security_policy: 'mutual_tls',
      path: 'a"b,c}',
    },
    value: 41,
  })
  assert.equal(samples[2]?.value, 48)
  assert.deepEqual(samples[3], { name: 'process_open_fds', labels: {}, value: 12 })
})

test('a sum takes the samples whose labels match', () => {
  const samples = parseMetrics(text)
  assert.equal(sumMetric(samples, 'istio_requests_total', {}), 96)
  assert.equal(sumMetric(samples, 'istio_requests_total', { reporter: 'destination' }), 48)
  assert.equal(sumMetric(samples, 'absent', {}), 0)
})

const none: ProxyCounters = {
  proxies: { sidecar: 0, ztunnel: 0, waypoint: 0 },
  sidecarRequests: 0,
  waypointRequests: 0,
  tunnelConnections: 0,
  tunnelBytes: 0,
}
const counters = (changes: Partial<ProxyCounters>): ProxyCounters => ({ ...none, ...changes })
const proxies = (changes: Partial<ProxyCounters['proxies']>): ProxyCounters['proxies'] => ({
  ...none.proxies,
  ...changes,
})

test('a baseline is proved by the absence of proxies', () => {
  assert.equal(provePath('baseline', none, none, 100).ok, true)
  const meshed = counters({ proxies: proxies({ sidecar: 1 }) })
  assert.equal(provePath('baseline', meshed, meshed, 100).ok, false)
})

test('a sidecar path is proved by requests over mutual TLS at the sidecars', () => {
  const before = counters({ proxies: proxies({ sidecar: 2 }), sidecarRequests: 50 })
  const after = { ...before, sidecarRequests: 160 }
  assert.deepEqual(provePath('sidecar', before, after, 100), {
    ok: true,
    evidence: ['110 requests over mutual TLS at 2 sidecars'],
  })
  assert.equal(provePath('sidecar', before, { ...after, sidecarRequests: 120 }, 100).ok, false)
})

test('an ambient path is proved by bytes in tunnels, and not if a waypoint is there', () => {
  const before = counters({ proxies: proxies({ ztunnel: 2 }) })
  const after = { ...before, tunnelConnections: 16, tunnelBytes: 12_000 }
  assert.equal(provePath('ambient', before, after, 100).ok, true)
  assert.equal(provePath('ambient', before, { ...after, tunnelBytes: 500 }, 100).ok, false)
  const bound = { ...after, proxies: proxies({ ztunnel: 2, waypoint: 1 }) }
  assert.equal(provePath('ambient', before, bound, 100).ok, false)
})

test('a waypoint path needs the waypoint to have seen the requests', () => {
  const before = counters({ proxies: proxies({ ztunnel: 2, waypoint: 1 }) })
  const after = { ...before, tunnelBytes: 12_000, waypointRequests: 100 }
  assert.equal(provePath('waypoint', before, after, 100).ok, true)
  assert.equal(provePath('waypoint', before, { ...after, waypointRequests: 0 }, 100).ok, false)
})
