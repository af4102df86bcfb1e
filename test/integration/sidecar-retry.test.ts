import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { total } from '../support/proxy-process.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import {
  listenLocal,
  type PairOptions,
  SERVICE_KEY,
  SERVICE_PORT,
  type SidecarPair,
  startSidecarPair,
  workload,
} from '../support/sidecar-pair.ts'

let app: HttpApp
before(async () => {
  app = await startHttpApp()
})
after(() => app?.close())

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n`

/** A pair that ends with its test, also when that fails. */
async function pairFor(context: TestContext, options: PairOptions): Promise<SidecarPair> {
  const pair = await startSidecarPair(options)
  context.after(() => pair.stop())
  return pair
}

/** An endpoint without sidecar where nothing listens. */
async function deadEndpoint(name: string) {
  const server = net.createServer()
  const { host, port } = await listenLocal(server)
  await new Promise((resolve) => server.close(resolve))
  return workload(name, host, { services: { [SERVICE_KEY]: { [SERVICE_PORT]: port } } })
}

test('K39: a request whose connection cannot be made goes to another endpoint', async (t) => {
  const pair = await pairFor(t, {
    app: app.address,
    otherEndpoints: [await deadEndpoint('dead')],
  })
  const body = 'sent again in full'
  const attempts: string[] = []
  for (let n = 0; n < 20; n++) {
    const answer = await exchangeRaw(
      pair.address,
      `POST /echo HTTP/1.1\r\nHost: server\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    assert.match(answer, /^HTTP\/1\.1 200 OK/)
    assert.ok(answer.endsWith(body))
    attempts.push(String(app.requests.at(-1)?.headers['x-envoy-attempt-count']))
  }
  assert.deepEqual([...new Set(attempts)].sort(), ['1', '2'], 'tries are counted')
  const metrics = await pair.client.metrics()
  const ok = { reporter: 'source', response_code: '200', destination_workload: 'server' }
  assert.equal(total(metrics, 'istio_requests_total', ok), 20, 'one request however many tries')
})

test('K39: after two retries the application gets 503', async (t) => {
  const dead = await Promise.all(['one', 'two', 'three'].map(deadEndpoint))
  const pair = await pairFor(t, { app: app.address, otherEndpoints: dead })
  await pair.server.stop()
  pair.inbound.close()
  const answer = await exchangeRaw(pair.address, get('/x'))
  assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n/)
  assert.match(answer, /upstream connect error or disconnect\/reset before headers/)
  const metrics = await pair.client.metrics()
  const failed = { response_code: '503', response_flags: 'UF,URX' }
  assert.equal(total(metrics, 'istio_requests_total', failed), 1)
})

test('K39: a 503 of the application is an answer, not a failure', async (t) => {
  const pair = await pairFor(t, { app: app.address })
  const before = app.requests.length
  assert.match(await exchangeRaw(pair.address, get('/unavailable')), /503[\s\S]*later/)
  assert.equal(app.requests.length, before + 1)
})

test('an application that closes idle connections costs no request', async (t) => {
  // Closes the connection as soon as it has answered, without saying so.
  const rude = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nrude'))
  })
  t.after(() => rude.close())
  const pair = await pairFor(t, { app: await listenLocal(rude) })
  const client = await rawClient(pair.address)
  for (let n = 0; n < 50; n++) {
    client.clear()
    client.send('GET / HTTP/1.1\r\nHost: server\r\n\r\n')
    assert.match(await client.until(/rude$/), /^HTTP\/1\.1 200 OK/)
  }
  client.socket.destroy()
})

test('K42: requests are counted once on each side, with who, what and how', async (t) => {
  const pair = await pairFor(t, { app: app.address })
  for (let n = 0; n < 4; n++) await exchangeRaw(pair.address, get('/x'))
  await exchangeRaw(pair.address, get('/unavailable'))
  const common = {
    source_workload: 'client',
    source_principal: 'spiffe://cluster.local/ns/shop/sa/client',
    source_canonical_service: 'client',
    destination_workload: 'server',
    destination_principal: 'spiffe://cluster.local/ns/shop/sa/server',
    destination_service: 'server.shop.svc.cluster.local',
    destination_service_namespace: 'shop',
    request_protocol: 'http',
    response_flags: '-',
  }
  for (const [proxy, reporter, security] of [
    [pair.client, 'source', 'unknown'],
    [pair.server, 'destination', 'mutual_tls'],
  ] as const) {
    const metrics = await proxy.metrics()
    const labels = { ...common, reporter, connection_security_policy: security }
    const count = (name: string, code: string) =>
      total(metrics, name, { ...labels, response_code: code })
    assert.equal(count('istio_requests_total', '200'), 4, reporter)
    assert.equal(count('istio_requests_total', '503'), 1, reporter)
    assert.equal(count('istio_request_duration_milliseconds_count', '200'), 4, reporter)
    assert.equal(count('istio_request_bytes_count', '200'), 4, reporter)
    assert.ok(count('istio_response_bytes_sum', '200') > 4 * 100, reporter)
  }
})
