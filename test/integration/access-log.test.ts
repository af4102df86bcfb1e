import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AccessLogConfig } from '../../proxies/config/process.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import {
  CLIENT_IP,
  createEchoServer,
  listenLocal,
  SERVER_IP,
  type SidecarPair,
  startSidecarPair,
  VIP,
  workload,
} from '../support/sidecar-pair.ts'
import {
  SERVER_IP as POD_IP,
  startWaypointPath,
  type WaypointPath,
} from '../support/waypoint-path.ts'

const JSON_LOG: AccessLogConfig = {
  output: 'stdout',
  encoding: 'JSON',
  outbound: true,
  inbound: true,
}
const HOST = 'server.shop.svc.cluster.local'

type Line = Readonly<Record<string, string | number | null>>

async function lineOf(proxy: SidecarPair['client'], mark: string): Promise<Line> {
  return JSON.parse(await proxy.printed(new RegExp(mark))) as Line
}

const request = (method: string, path: string, body = '', ...fields: string[]): string =>
  `${[
    `${method} ${path} HTTP/1.1`,
    'Host: server:80',
    'User-Agent: test/1',
    'Connection: close',
    ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
    ...fields,
  ].join('\r\n')}\r\n\r\n${body}`

describe('F: sidecars', () => {
  let app: HttpApp
  let pair: SidecarPair
  before(async () => {
    app = await startHttpApp()
    const nowhere = workload('gone', '127.77.1.9', { tlsMode: 'istio' })
    pair = await startSidecarPair({
      app: app.address,
      accessLog: JSON_LOG,
      otherEndpoints: [nowhere],
    })
  })
  after(async () => {
    app?.close()
    await pair?.stop()
  })

  test('one line at either side of a request, with what each knows of it', async () => {
    const answer = await exchangeRaw(pair.address, request('POST', '/echo?a', 'x'.repeat(300)))
    assert.match(answer, /^HTTP\/1\.1 200 /)
    const sent = await lineOf(pair.client, '/echo')
    const received = await lineOf(pair.server, '/echo')
    const both = {
      route_name: 'default',
      method: 'POST',
      path: '/echo?a',
      protocol: 'HTTP/1.1',
      response_code: 200,
      response_flags: '-',
      response_code_details: 'via_upstream',
      connection_termination_details: null,
      bytes_received: 300,
      bytes_sent: 300,
      x_forwarded_for: null,
      user_agent: 'test/1',
      authority: 'server:80',
      upstream_host: `${SERVER_IP}:${pair.inbound.port}`,
      requested_server_name: null,
      upstream_transport_failure_reason: null,
    }
    const { start_time, duration, upstream_service_time, request_id, ...rest } = sent
    const { upstream_local_address, downstream_remote_address, ...fixed } = rest
    assert.deepEqual(fixed, {
      ...both,
      upstream_cluster: `outbound|80||${HOST}`,
      downstream_local_address: `${VIP}:80`,
    })
    assert.ok(Math.abs(Date.parse(String(start_time)) - Date.now()) < 30_000)
    assert.ok(Number(duration) >= Number(upstream_service_time), 'milliseconds, both')
    assert.match(String(request_id), /^[0-9a-f-]{36}$/)
    assert.match(String(upstream_local_address), new RegExp(`^${CLIENT_IP}:\\d+$`))
    assert.match(String(downstream_remote_address), /^127\.0\.0\.1:\d+$/)

    assert.equal(received.request_id, request_id, 'the same request')
    assert.deepEqual(Object.fromEntries(Object.keys(both).map((key) => [key, received[key]])), both)
    assert.equal(received.upstream_cluster, `inbound|${pair.inbound.port}||`)
    assert.equal(received.downstream_local_address, `${SERVER_IP}:${pair.inbound.port}`)
    assert.match(String(received.upstream_local_address), /^127\.0\.0\.6:\d+$/)
    assert.equal(received.downstream_remote_address, upstream_local_address)
  })

  test('flags: DC when the client leaves, UC when the answer breaks off', async () => {
    const client = await rawClient(pair.address)
    client.send(request('GET', '/hang'))
    while (!app.requests.some(({ url }) => url === '/hang')) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    client.socket.destroy()
    const left = await lineOf(pair.client, '/hang')
    assert.deepEqual(
      [left.response_code, left.response_flags, left.response_code_details],
      [0, 'DC', 'downstream_remote_disconnect'],
    )
    await exchangeRaw(pair.address, request('GET', '/die'))
    const broken = await lineOf(pair.client, '"/die"')
    assert.deepEqual([broken.response_code, broken.response_flags], [200, 'UC'])
  })

  test('flags: UH without endpoints, UF with one that is not there, NR without a route, UT too late', async () => {
    const of = async (mark: string): Promise<readonly unknown[]> => {
      await exchangeRaw(pair.address, request('GET', mark))
      const line = await lineOf(pair.client, mark)
      return [line.response_code, line.response_flags, line.response_code_details]
    }
    const routed = (path: string, timeoutMs?: number) =>
      pair.applyL7('client', {
        routes: [
          {
            service: `shop/${HOST}`,
            rules: [
              {
                match: { path: { exact: path } },
                action: { backends: [], ...(timeoutMs ? { timeoutMs } : {}) },
              },
            ],
          },
        ],
      })
    await routed('/hang', 50)
    assert.deepEqual(await of('/unrouted'), [404, 'NR', 'route_not_found'])
    await exchangeRaw(pair.address, request('GET', '/hang', '', 'X-Forwarded-For: 10.1.1.1'))
    const late = await lineOf(pair.client, '10\\.1\\.1\\.1')
    assert.deepEqual(
      [late.response_code, late.response_flags, late.response_code_details],
      [504, 'UT', 'response_timeout'],
    )
    await pair.applyL7('client', {})
    await pair.changeServer((server) => [{ ...server, workloadIps: ['127.77.1.9'] }])
    const [code, flags, details] = await of('/refused')
    assert.deepEqual([code, flags], [503, 'UF,URX'])
    assert.match(
      String(details),
      /^upstream_reset_before_response_started\{remote_connection_failure\|.*\}$/,
    )
    const refused = await lineOf(pair.client, '/refused')
    assert.match(String(refused.upstream_transport_failure_reason), /^nothing_listens_on_127\.77/)
    await pair.changeServer(() => [])
    assert.deepEqual(await of('/nobody'), [503, 'UH', 'no_healthy_upstream'])
  })
})

describe('F: sidecars, TCP', () => {
  const server = createEchoServer()
  let pair: SidecarPair
  before(async () => {
    pair = await startSidecarPair({
      app: await listenLocal(server),
      protocol: 'tcp',
      accessLog: { ...JSON_LOG, encoding: 'TEXT' },
    })
  })
  after(async () => {
    server.close()
    await pair?.stop()
  })

  test('one line per connection, when it is over', async () => {
    const client = await rawClient(pair.address)
    client.send('12345')
    client.socket.end()
    assert.equal(await client.closed(), '12345')
    const { port } = pair.inbound
    const sent = await pair.client.printed(/outbound/)
    assert.match(
      sent,
      new RegExp(
        String.raw`^\[[-:.TZ\d]+\] "- - -" 0 - - - "-" 5 5 \d+ - "-" "-" "-" "-" "${SERVER_IP}:${port}" outbound\|80\|\|${HOST} ${CLIENT_IP}:\d+ ${VIP}:80 127\.0\.0\.1:\d+ - -$`,
      ),
    )
    const received = await pair.server.printed(/inbound/)
    assert.match(
      received,
      new RegExp(
        String.raw`^\[[-:.TZ\d]+\] "- - -" 0 - - - "-" 5 5 \d+ - "-" "-" "-" "-" "${SERVER_IP}:${port}" inbound\|${port}\|\| 127\.0\.0\.6:\d+ ${SERVER_IP}:${port} ${CLIENT_IP}:\d+ - -$`,
      ),
    )
  })

  test('a refused one names the policy', async () => {
    const rules = [[[{ destinationPorts: [pair.inbound.port] }]]]
    await pair.applyL7('server', {
      policies: [{ name: 'no', namespace: 'shop', action: 'Deny', rules }],
    })
    const client = await rawClient(pair.address)
    client.send('12345')
    await client.closed()
    assert.match(
      await pair.server.printed(/rbac/),
      /"- - -" 0 - - rbac_access_denied_matched_policy\[ns\[shop\]-policy\[no\]-rule\[0\]\] "-" 0 0 /,
    )
  })
})

describe('F: waypoints', () => {
  let app: HttpApp
  let path: WaypointPath
  before(async () => {
    app = await startHttpApp()
    path = await startWaypointPath(app.address, 'http', [], JSON_LOG)
  })
  after(async () => {
    app?.close()
    await path?.stop()
  })

  test('one line per request, ztunnels write none', async () => {
    await exchangeRaw(path.address, request('GET', '/x'))
    const line = await lineOf(path.waypoint, '"/x"')
    const known = {
      response_code: 200,
      response_code_details: 'via_upstream',
      upstream_host: `${POD_IP}:8080`,
      upstream_cluster: `inbound-vip|80|http|${HOST}`,
      downstream_local_address: `${path.vip}:80`,
    }
    assert.deepEqual(Object.fromEntries(Object.keys(known).map((key) => [key, line[key]])), known)
    assert.match(String(line.downstream_remote_address), /^127\.78\.1\.1:\d+$/)
    assert.equal(path.source.stdout() + path.destination.stdout(), '')
  })

  test('a policy that refuses is named, a token that is refused says why', async () => {
    await path.applyL7({
      policies: [
        {
          name: 'no-admin',
          namespace: 'shop',
          action: 'Deny',
          rules: [[[{ paths: [{ Exact: '/other' }] }]], [[{ paths: [{ Exact: '/admin' }] }]]],
        },
      ],
      authentications: [
        { name: 'jwt', namespace: 'shop', rules: [{ issuer: 'i', jwks: '{"keys":[]}' }] },
      ],
    })
    await exchangeRaw(path.address, request('GET', '/admin'))
    const denied = await lineOf(path.waypoint, '"/admin"')
    assert.deepEqual(
      [denied.response_code, denied.response_code_details, denied.upstream_cluster],
      [403, 'rbac_access_denied_matched_policy[ns[shop]-policy[no-admin]-rule[1]]', null],
    )
    await exchangeRaw(path.address, request('GET', '/token', '', 'Authorization: Bearer nonsense'))
    const refused = await lineOf(path.waypoint, '"/token"')
    assert.equal(refused.response_code, 401)
    assert.match(String(refused.response_code_details), /^jwt_authn_access_denied\{Jwt_is_not_in/)
  })
})
