import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { type ProxyProcess, total } from '../support/proxy-process.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import {
  CLIENT_ID,
  createEchoServer,
  listenLocal,
  type SidecarPair,
  startSidecarPair,
} from '../support/sidecar-pair.ts'

const GET = 'GET /x HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n'
const SERVICE = { destination_service: 'server.shop.svc.cluster.local' }

async function counted(
  proxy: ProxyProcess,
  name: string,
  labels: Record<string, string>,
): Promise<number> {
  return total(await proxy.metrics(), name, { ...SERVICE, ...labels })
}

/** The client is told the address of a pod, and the server takes mutual TLS only. */
const headless = { headless: true, mtlsMode: 'STRICT' } as const

describe('a headless service that speaks HTTP', () => {
  let app: HttpApp
  let pair: SidecarPair
  before(async () => {
    app = await startHttpApp()
    pair = await startSidecarPair({ app: app.address, ...headless })
  })
  after(async () => {
    app?.close()
    await pair?.stop()
  })

  test('its requests go in mutual TLS, are counted as its own and routed by its routes', async () => {
    assert.match(await exchangeRaw(pair.address, GET), /^HTTP\/1\.1 200 [\s\S]*server: envoy/)
    const requests = { response_code: '200' }
    const sent = { ...requests, reporter: 'source', destination_workload: 'server' }
    assert.equal(await counted(pair.client, 'istio_requests_total', sent), 1)
    const received = { ...requests, reporter: 'destination', source_principal: CLIENT_ID }
    assert.equal(await counted(pair.server, 'istio_requests_total', received), 1)

    const rule = { match: { path: { exact: '/other' } }, action: { backends: [] } }
    const { destination_service } = SERVICE
    await pair.applyL7('client', {
      routes: [{ service: `shop/${destination_service}`, rules: [rule] }],
    })
    assert.match(await exchangeRaw(pair.address, GET), /^HTTP\/1\.1 404 /)
    await pair.applyL7('client', {})
  })

  test('when the pod is gone, kept connections are told so', async () => {
    const client = await rawClient(pair.address)
    client.send('GET /x HTTP/1.1\r\nHost: server\r\n\r\n')
    await client.until(/GET \/x$/)
    client.clear()
    await pair.changeServer(() => [])
    client.send(GET)
    assert.match(await client.closed(), /^HTTP\/1\.1 503 [\s\S]*no healthy upstream$/)
  })
})

describe('a headless service that speaks TCP', () => {
  const server = createEchoServer()
  let pair: SidecarPair
  before(async () => {
    pair = await startSidecarPair({
      app: await listenLocal(server),
      protocol: 'tcp',
      ...headless,
    })
  })
  after(async () => {
    server.close()
    await pair?.stop()
  })

  test('its connections go in mutual TLS and are counted as its own', async () => {
    const client = await rawClient(pair.address)
    client.send('ping')
    client.socket.end()
    assert.equal(await client.closed(), 'ping')
    for (const [proxy, reporter] of [
      [pair.client, 'source'],
      [pair.server, 'destination'],
    ] as const) {
      const labels = { reporter, destination_workload: 'server' }
      assert.equal(await counted(proxy, 'istio_tcp_received_bytes_total', labels), 4)
    }
  })
})
