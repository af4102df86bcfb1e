import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AccessLogConfig } from '../../proxies/config/process.ts'
import { AccessLog } from '../../proxies/telemetry/access/access-log.ts'
import type { AccessEntry } from '../../proxies/telemetry/access/entry.ts'
import { jsonFormatter, textFormatter } from '../../proxies/telemetry/access/format.ts'

const FIELDS: Readonly<Record<string, string>> = {
  'user-agent': 'curl/8',
  'x-request-id': '5f2c',
  'x-forwarded-for': '10.9.9.9',
}

const request: AccessEntry = {
  startMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  request: {
    method: 'GET',
    path: '/cart?id=1',
    authority: 'cart:80',
    protocol: 'HTTP/1.1',
    header: (name) => FIELDS[name],
  },
  status: 503,
  flags: 'UF,URX',
  details: 'upstream_reset_before_response_started{remote_connection_failure}',
  terminationDetails: undefined,
  transportFailure: 'connect_ECONNREFUSED',
  receivedBytes: 11,
  sentBytes: 22,
  durationMs: 33.9,
  upstreamServiceMs: 4.4,
  grpcStatus: undefined,
  upstreamHost: '10.0.0.2:8080',
  upstreamCluster: 'outbound|80||cart.shop.svc.cluster.local',
  upstreamLocal: '10.0.0.1:40000',
  downstreamLocal: '10.1.0.1:80',
  downstreamRemote: '10.0.0.1:50000',
  routeName: 'default',
}

const connection: AccessEntry = {
  ...request,
  request: undefined,
  status: 0,
  flags: '-',
  details: undefined,
  transportFailure: undefined,
  upstreamServiceMs: undefined,
  routeName: undefined,
}

describe("a line in Istio's text format", () => {
  test('of a request: all fields in order, times in milliseconds, sizes in bytes', () => {
    assert.equal(
      textFormatter()(request),
      '[2026-01-02T03:04:05.678Z] "GET /cart?id=1 HTTP/1.1" 503 UF,URX ' +
        'upstream_reset_before_response_started{remote_connection_failure} - "connect_ECONNREFUSED" ' +
        '11 22 33 4 "10.9.9.9" "curl/8" "5f2c" "cart:80" "10.0.0.2:8080" ' +
        'outbound|80||cart.shop.svc.cluster.local 10.0.0.1:40000 10.1.0.1:80 10.0.0.1:50000 - default',
    )
  })

  test('of a connection: what only requests have is a dash', () => {
    assert.equal(
      textFormatter()(connection),
      '[2026-01-02T03:04:05.678Z] "- - -" 0 - - - "-" 11 22 33 - "-" "-" "-" "-" ' +
        '"10.0.0.2:8080" outbound|80||cart.shop.svc.cluster.local 10.0.0.1:40000 10.1.0.1:80 ' +
        '10.0.0.1:50000 - -',
    )
  })

  test('a client cannot end the line or a quoted field', () => {
    const header = (name: string) => (name === 'user-agent' ? 'a" "b\r\nc' : undefined)
    const forged = { ...request, request: { ...(request.request as object), header } }
    const line = textFormatter('"%REQ(User-Agent)%"')(forged as AccessEntry)
    assert.equal(line, '"a\\" \\"b\\x0d\\x0ac"')
  })
})

test('JSON has the keys of Istio, figures as figures, and null for what is missing', () => {
  assert.deepEqual(JSON.parse(jsonFormatter()(request)), {
    start_time: '2026-01-02T03:04:05.678Z',
    route_name: 'default',
    method: 'GET',
    path: '/cart?id=1',
    protocol: 'HTTP/1.1',
    response_code: 503,
    response_flags: 'UF,URX',
    response_code_details: 'upstream_reset_before_response_started{remote_connection_failure}',
    connection_termination_details: null,
    bytes_received: 11,
    bytes_sent: 22,
    duration: 33,
    upstream_service_time: '4',
    x_forwarded_for: '10.9.9.9',
    user_agent: 'curl/8',
    request_id: '5f2c',
    authority: 'cart:80',
    upstream_host: '10.0.0.2:8080',
    upstream_cluster: 'outbound|80||cart.shop.svc.cluster.local',
    upstream_local_address: '10.0.0.1:40000',
    downstream_local_address: '10.1.0.1:80',
    downstream_remote_address: '10.0.0.1:50000',
    requested_server_name: null,
    upstream_transport_failure_reason: 'connect_ECONNREFUSED',
  })
})

test('a format of its own: operators, alternatives, and a dash for what is not known', () => {
  const format =
    '%REQ(X-NONE?:METHOD)% %RESPONSE_CODE% 100%% %NO_SUCH% %RESP(SERVER)% %REQ(X-NONE)%\n'
  assert.equal(textFormatter(format)(request), 'GET 503 100% - - -')
})

test('JSON of its own: nested, figures alone, and the default for what is no object', () => {
  const format =
    '{"code": "%RESPONSE_CODE%", "of": {"who": "%REQ(X-NONE)%", "took": "%DURATION% ms"}, "fix": 1}'
  assert.deepEqual(JSON.parse(jsonFormatter(format)(request)), {
    code: 503,
    of: { who: null, took: '33 ms' },
    fix: 1,
  })
  for (const wrong of ['foo', '[]', '"{}"']) {
    assert.equal(jsonFormatter(wrong)(request), jsonFormatter()(request))
  }
})

describe('switching it', () => {
  const config: AccessLogConfig = {
    output: 'stderr',
    encoding: 'TEXT',
    format: '%RESPONSE_CODE%',
    outbound: true,
    inbound: false,
  }
  const logged = (): { log: AccessLog; out: string[]; err: string[] } => {
    const out: string[] = []
    const err: string[] = []
    const stdout = { write: (text: string) => void out.push(text) }
    const stderr = { write: (text: string) => void err.push(text) }
    return { log: new AccessLog({ stdout, stderr }), out, err }
  }

  test('it is off until it is configured, and by direction', () => {
    const { log } = logged()
    assert.deepEqual([log.outbound, log.inbound], [false, false])
    log.configure(config)
    assert.deepEqual([log.outbound, log.inbound], [true, false])
    log.configure(undefined)
    assert.deepEqual([log.outbound, log.inbound], [false, false])
  })

  test('lines leave together, and none is lost when it is switched off', () => {
    const { log, out, err } = logged()
    log.configure(config)
    log.write(request)
    log.write({ ...request, status: 200 })
    assert.deepEqual(err, [])
    log.configure(undefined)
    assert.deepEqual(err, ['503\n200\n'])
    assert.deepEqual(out, [])
  })
})
