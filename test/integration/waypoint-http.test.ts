import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { HbonePool } from '../../proxies/hbone/pool.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { total } from '../support/proxy-process.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import { CLIENT_ID, SERVER_ID, SERVICE_PORT } from '../support/sidecar-pair.ts'
import { startWaypointPath, WAYPOINT_ID, type WaypointPath } from '../support/waypoint-path.ts'

let app: HttpApp
let path: WaypointPath
before(async () => {
  app = await startHttpApp()
  path = await startWaypointPath(app.address)
})
after(async () => {
  app?.close()
  await path?.stop()
})

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`

test('requests on one connection pass two tunnels and come back whole', async () => {
  const client = await rawClient(path.address)
  const body = 'b'.repeat(100_000)
  for (let n = 0; n < 5; n++) {
    client.clear()
    client.send(
      `${lines(`POST /echo?${n} HTTP/1.1`, 'Host: server', `Content-Length: ${body.length}`)}${body}`,
    )
    const answer = await client.until((text) => text.endsWith(body))
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(answer, /\r\nserver: istio-envoy\r\n/)
  }
  client.socket.destroy()
  const seen = app.requests.at(-1)?.headers ?? {}
  assert.match(String(seen['x-request-id']), /^[0-9a-f-]{36}$/)
  assert.equal(seen['x-forwarded-client-cert'], undefined, 'absent unless opted in')
  assert.equal(seen['x-envoy-attempt-count'], '1')
})

test('K49: the waypoint counts requests with the client as their source', async () => {
  const labels = { reporter: 'waypoint', response_code: '200' }
  const before = total(await path.waypoint.metrics(), 'istio_requests_total', labels)
  for (let n = 0; n < 3; n++) {
    await exchangeRaw(path.address, lines('GET /x HTTP/1.1', 'Host: server', 'Connection: close'))
  }
  const metrics = await path.waypoint.metrics()
  const known = {
    ...labels,
    source_workload: 'client',
    source_principal: CLIENT_ID,
    destination_workload: 'server',
    destination_principal: SERVER_ID,
    destination_service: 'server.shop.svc.cluster.local',
    request_protocol: 'http',
    connection_security_policy: 'mutual_tls',
    response_flags: '-',
  }
  assert.equal(total(metrics, 'istio_requests_total', known) - before, 3)
  assert.equal(total(metrics, 'istio_request_duration_milliseconds_count', known) - before, 3)
})

test('K46: the destination sees the waypoint, not the client', async () => {
  const metrics = await path.destination.metrics()
  const opened = (principal: string) =>
    total(metrics, 'istio_tcp_connections_opened_total', {
      reporter: 'destination',
      source_principal: principal,
    })
  assert.ok(opened(WAYPOINT_ID) > 0)
  assert.equal(opened(CLIENT_ID), 0)
})

test('an upgraded connection passes', async () => {
  const client = await rawClient(path.address)
  client.send(
    lines('GET /ws HTTP/1.1', 'Host: server', 'Connection: Upgrade', 'Upgrade: websocket'),
  )
  await client.until(/^HTTP\/1\.1 101/)
  client.clear()
  client.send('ping')
  await client.until(/^ping$/)
  client.socket.destroy()
})

test('without an endpoint the client is answered 503, and again 200 when there is one', async () => {
  const get = () =>
    exchangeRaw(path.address, lines('GET /x HTTP/1.1', 'Host: server', 'Connection: close'))
  await path.changeEndpoints(() => [])
  assert.match(await get(), /^HTTP\/1\.1 503 [\s\S]*no healthy upstream$/)
  await path.changeEndpoints((server) => [{ ...server, serviceAccount: 'somebody-else' }])
  assert.match(await get(), /^HTTP\/1\.1 503 [\s\S]*connection failure$/)
  await path.changeEndpoints((server) => [server])
  assert.match(await get(), /^HTTP\/1\.1 200 /)
})

test('K45: only HBONE with a mesh identity gets in, and only to what exists', async () => {
  const anonymous = connectTls({
    host: path.gateway.host,
    port: path.gateway.port,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  const closed = await new Promise<string>((resolve) => {
    anonymous.on('error', ({ message }) => resolve(message))
    anonymous.on('close', () => resolve('closed'))
  })
  assert.match(closed, /certificate required|closed|ECONNRESET/)

  const pool = new HbonePool()
  const target = {
    credential: createCredential(await path.authority.issue(CLIENT_ID)),
    expectedIdentities: [WAYPOINT_ID],
    nextHop: path.gateway,
  }
  for (const [authority, status] of [
    [`127.78.192.99:${SERVICE_PORT}`, 404],
    [`${path.vip}:1`, 404],
    ['nonsense', 400],
  ] as const) {
    await assert.rejects(pool.open(target, { authority }), new RegExp(`http status: ${status}`))
  }
  pool.close()
})

test('a waypoint told to end lets answers finish and says that it closes', async () => {
  const client = await rawClient(path.address)
  client.send(lines('GET /a HTTP/1.1', 'Host: server'))
  assert.doesNotMatch(await client.until(/GET \/a$/), /connection: close/i)
  client.clear()
  path.waypoint.child.kill('SIGTERM')
  await path.waypoint.unlisten('hbone', 1_000)
  client.send(lines('GET /b HTTP/1.1', 'Host: server'))
  assert.match(await client.closed(), /connection: close\r\n[\s\S]*GET \/b$/)
})
