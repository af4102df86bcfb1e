import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatLine } from '../../proxies/telemetry/log.ts'
import { Registry } from '../../proxies/telemetry/registry.ts'
import { RequestMetrics } from '../../proxies/telemetry/request-metrics.ts'
import { TcpMetrics } from '../../proxies/telemetry/tcp-metrics.ts'
import { meshService, meshWorkload } from '../support/mesh-objects.ts'
import { parseMetrics, total } from '../support/proxy-process.ts'

const peers = {
  source: meshWorkload('web'),
  sourceIdentity: 'spiffe://cluster.local/ns/shop/sa/web',
  destination: undefined,
  destinationIdentity: undefined,
  service: meshService('server', '10.1.0.1'),
}

describe('metrics', () => {
  test('render in the text format with escaped label values', () => {
    const registry = new Registry()
    const counter = registry.counter('hits_total', 'Hits.').with({ path: 'a"b\\c\nd' })
    counter.add(2)
    registry.gauge('open', 'Open now.').with({}).value = 3
    assert.equal(
      registry.render(),
      '# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total{path="a\\"b\\\\c\\nd"} 2\n' +
        '# HELP open Open now.\n# TYPE open gauge\nopen 3\n',
    )
  })

  test('K37: in OpenMetrics a counter family has no _total and the text has an end', () => {
    const registry = new Registry()
    registry.counter('istio_tcp_sent_bytes_total', 'Sent.').with({ reporter: 'source' }).add(3)
    assert.equal(
      registry.render('openmetrics'),
      [
        '# HELP istio_tcp_sent_bytes Sent.',
        '# TYPE istio_tcp_sent_bytes counter',
        'istio_tcp_sent_bytes_total{reporter="source"} 3',
        '# EOF',
        '',
      ].join('\n'),
    )
  })

  test('of a histogram are cumulative and end with all', () => {
    const registry = new Registry()
    const latency = registry.histogram('latency_ms', 'Latency.', [1, 10]).with({ side: 'a' })
    for (const value of [0.5, 1, 5, 100]) latency.record(value)
    const metrics = parseMetrics(registry.render())
    assert.deepEqual(
      metrics.map(({ labels, value }) => [labels.le, value]),
      [
        ['1', 2],
        ['10', 3],
        ['+Inf', 4],
        [undefined, 106.5],
        [undefined, 4],
      ],
    )
  })

  test('of connections: a failure counts as closed too, and unknown peers say so', () => {
    const registry = new Registry()
    const tcp = new TcpMetrics(registry)
    const series = tcp.connection('source', peers, true)
    assert.equal(tcp.connection('source', peers, true), series)
    series.opened()
    series.received.value += 10
    series.closed('DENY')
    series.opened()
    series.closed('-')
    const metrics = parseMetrics(registry.render())
    assert.equal(total(metrics, 'istio_tcp_connections_opened_total'), 2)
    assert.equal(total(metrics, 'istio_tcp_connections_closed_total'), 2)
    assert.equal(
      total(metrics, 'istio_tcp_connections_failed_total', { response_flags: 'DENY' }),
      1,
    )
    assert.equal(
      total(metrics, 'istio_tcp_received_bytes_total', {
        reporter: 'source',
        source_workload: 'web',
        source_principal: 'spiffe://cluster.local/ns/shop/sa/web',
        destination_workload: 'unknown',
        destination_service: 'server.shop.svc.cluster.local',
        connection_security_policy: 'mutual_tls',
        request_protocol: 'tcp',
      }),
      10,
    )
  })

  test('of requests: one counter and three histograms for each outcome', () => {
    const registry = new Registry()
    const requests = new RequestMetrics(registry).between('source', peers, {
      protocol: 'http',
      security: 'unknown',
    })
    const outcome = { durationMs: 3, requestBytes: 0, responseBytes: 1024 }
    requests.record(200, '-', outcome)
    requests.record(200, '-', outcome)
    requests.record(503, 'UF', outcome)
    const metrics = parseMetrics(registry.render())
    assert.equal(total(metrics, 'istio_requests_total', { response_code: '200' }), 2)
    assert.equal(total(metrics, 'istio_requests_total', { response_flags: 'UF' }), 1)
    assert.equal(total(metrics, 'istio_request_duration_milliseconds_count'), 3)
    assert.equal(total(metrics, 'istio_request_duration_milliseconds_bucket', { le: '1' }), 0)
    assert.equal(total(metrics, 'istio_request_duration_milliseconds_bucket', { le: '5' }), 3)
    assert.equal(total(metrics, 'istio_response_bytes_sum', { response_code: '200' }), 2048)
  })
})

test('a log line stays one line whatever a peer sends', () => {
  const line = formatLine('warn', 'access', 'bad\nthing', { host: 'a\r\nb', n: 1, gone: undefined })
  assert.equal(line.split('\n').length, 2)
  assert.match(line, /\twarn\taccess\tbad thing\thost="a\\r\\nb"\tn=1\n$/)
})
