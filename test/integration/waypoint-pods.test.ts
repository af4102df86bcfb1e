import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { after, before, describe, test } from 'node:test'
import type { L7Config } from '../../proxies/config/l7.ts'
import { HbonePool } from '../../proxies/hbone/pool.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { type GrpcApp, startGrpcApp } from '../contract/grpc-app.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { total } from '../support/proxy-process.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import {
  CLIENT_ID,
  createEchoServer,
  listenLocal,
  SERVER_ID,
  SERVICE_KEY,
} from '../support/sidecar-pair.ts'
import {
  CONTAINER_PORT,
  OTHER_PORT,
  SERVER_IP,
  startWaypointPath,
  WAYPOINT_ID,
  type WaypointPath,
} from '../support/waypoint-path.ts'

/** Traffic to a pod's own address, which its workload waypoint takes. */

const get = (path: string, ...fields: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, 'Host: server', 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`

const denyAdmin = (services?: readonly string[]): Pick<L7Config, 'policies'> => ({
  policies: [
    {
      name: 'no-admin',
      namespace: 'shop',
      action: 'Deny',
      rules: [[[{ paths: [{ Prefix: '/admin' }] }]]],
      ...(services ? { services } : {}),
    },
  ],
})

const direct = {
  reporter: 'waypoint',
  source_workload: 'client',
  source_principal: CLIENT_ID,
  destination_workload: 'server',
  destination_principal: SERVER_ID,
  destination_service: 'unknown',
  connection_security_policy: 'mutual_tls',
}

describe('a pod of which a service says that it speaks HTTP', () => {
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

  test("K45: requests to the pod's address pass the waypoint, which counts them", async () => {
    const address = await path.podAddress(CONTAINER_PORT)
    const client = await rawClient(address)
    for (let n = 0; n < 3; n++) {
      client.clear()
      client.send(`GET /x?${n} HTTP/1.1\r\nHost: server\r\n\r\n`)
      assert.match(await client.until(/GET \/x\?\d$/), /\r\nserver: istio-envoy\r\n/)
    }
    client.socket.destroy()
    const metrics = await path.waypoint.metrics()
    const { admin } = path.waypoint.admin
    const dump = await (await fetch(`http://${admin.host}:${admin.port}/config_dump`)).text()
    assert.match(dump, /"direct\|127\.78\.1\.2:8080"/)
    const requests = { ...direct, request_protocol: 'http', response_code: '200' }
    assert.equal(total(metrics, 'istio_requests_total', requests), 3)
    assert.equal(total(metrics, 'istio_request_duration_milliseconds_count', requests), 3)
  })

  test('K23, K46: through it and not past it, under its identity', async () => {
    const labels = { reporter: 'destination' }
    const opened = (metrics: Awaited<ReturnType<WaypointPath['source']['metrics']>>, by: string) =>
      total(metrics, 'istio_tcp_connections_opened_total', { ...labels, source_principal: by })
    const metrics = await path.destination.metrics()
    assert.ok(opened(metrics, WAYPOINT_ID) > 0)
    assert.equal(opened(metrics, CLIENT_ID), 0)
  })

  test('K45, K48: a policy of the Gateway refuses with 403, one of a service is not asked', async () => {
    const address = await path.podAddress(OTHER_PORT)
    await path.applyL7(denyAdmin())
    const denied = await exchangeRaw(address, get('/admin/x'))
    assert.match(denied, /^HTTP\/1\.1 403 [\s\S]*RBAC: access denied$/)
    assert.match(await exchangeRaw(address, get('/x')), /^HTTP\/1\.1 200 /)
    await path.applyL7(denyAdmin([SERVICE_KEY]))
    assert.match(await exchangeRaw(address, get('/admin/x')), /^HTTP\/1\.1 200 /)
    const refused = { ...direct, response_code: '403' }
    assert.equal(total(await path.waypoint.metrics(), 'istio_requests_total', refused), 1)
    await path.applyL7({})
  })

  test('K45: HTTP is recognised on a port that no service leads to', async () => {
    const address = await path.podAddress(OTHER_PORT + 1)
    assert.match(await exchangeRaw(address, get('/x')), /^HTTP\/1\.1 503 [\s\S]*istio-envoy/)
  })

  test('K45: a pod of another waypoint is not reached through this one', async () => {
    const pool = new HbonePool()
    const target = {
      credential: createCredential(await path.authority.issue(CLIENT_ID)),
      expectedIdentities: [WAYPOINT_ID],
      nextHop: path.gateway,
    }
    const stream = await pool.open(target, { authority: `${SERVER_IP}:${CONTAINER_PORT}` })
    stream.destroy()
    await assert.rejects(
      pool.open(target, { authority: `127.78.1.1:${CONTAINER_PORT}` }),
      /http status: 404/,
    )
    pool.close()
  })

  test('K23: with the waypoint gone nothing goes past it', async () => {
    const address = await path.podAddress(CONTAINER_PORT + 1)
    const before = app.requests.length
    await path.waypoint.stop()
    path.gateway.close()
    assert.equal(await exchangeRaw(address, get('/x')), '')
    assert.equal(app.requests.length, before)
  })
})

describe('a pod of which a service says that it speaks gRPC', () => {
  let app: GrpcApp
  let path: WaypointPath
  before(async () => {
    app = await startGrpcApp()
    path = await startWaypointPath(app.address, 'grpc')
  })
  after(async () => {
    app?.close()
    await path?.stop()
  })

  for (const [name, port] of [
    ['declared', CONTAINER_PORT],
    ['recognised', OTHER_PORT],
  ] as const) {
    test(`K45: HTTP/2 without TLS passes, ${name}`, async () => {
      const { host, port: at } = await path.podAddress(port)
      const session = http2.connect(`http://${host}:${at}`)
      for (let n = 0; n < 2; n++) {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/shop.Cart/Fail',
          'content-type': 'application/grpc',
        })
        stream.end()
        const [headers] = await once(stream, 'response')
        assert.deepEqual([headers[':status'], headers['grpc-status']], [200, '5'])
        stream.close()
      }
      session.close()
      const labels = { ...direct, request_protocol: 'grpc', grpc_response_status: '5' }
      const counted = total(await path.waypoint.metrics(), 'istio_requests_total', labels)
      assert.equal(counted, port === CONTAINER_PORT ? 2 : 4)
    })
  }
})

describe('a pod of which a service says nothing but TCP', () => {
  let path: WaypointPath
  const server = createEchoServer()
  before(async () => {
    path = await startWaypointPath(await listenLocal(server), 'tcp')
  })
  after(async () => {
    server.close()
    await path?.stop()
  })

  for (const [name, port, bytes] of [
    ['declared', CONTAINER_PORT, '\u0000\u0001 not HTTP'],
    ['recognised by its first bytes', OTHER_PORT, '\u0000\u0001 not HTTP'],
    ['recognised when it ends in a word like a method', OTHER_PORT, 'PING'],
    ['let go when it ends without a byte', OTHER_PORT, ''],
  ] as const) {
    test(`K45: TCP passes as bytes, ${name}`, async () => {
      const labels = { ...direct, request_protocol: 'tcp' }
      const received = async (): Promise<number> =>
        total(await path.waypoint.metrics(), 'istio_tcp_received_bytes_total', labels)
      const before = await received()
      const client = await rawClient(await path.podAddress(port))
      if (bytes !== '') client.send(bytes)
      client.socket.end()
      assert.equal(await client.closed(), bytes)
      assert.equal((await received()) - before, bytes.length)
    })
  }

  test('K45: a policy of the Gateway refuses the connection', async () => {
    const rules = [[[{ destinationPorts: [CONTAINER_PORT, OTHER_PORT] }]]]
    await path.applyL7({ policies: [{ name: 'no', namespace: 'shop', action: 'Deny', rules }] })
    for (const port of [CONTAINER_PORT, OTHER_PORT]) {
      const client = await rawClient(await path.podAddress(port))
      client.send('\u0000 not HTTP at all, and long enough to tell')
      assert.equal(await client.closed(), '')
    }
  })
})
