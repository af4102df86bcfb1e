import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Workload } from '../../proxies/config/mesh-state.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { bindSocket, startProxy, total } from '../support/proxy-process.ts'
import { rawClient } from '../support/raw-client.ts'
import {
  CLIENT_ID,
  SERVICE_KEY,
  SERVICE_PORT,
  type SidecarPair,
  startSidecarPair,
  workload,
} from '../support/sidecar-pair.ts'

let app: HttpApp
let pair: SidecarPair
before(async () => {
  app = await startHttpApp()
  pair = await startSidecarPair({ app: app.address })
})
after(async () => {
  app?.close()
  await pair?.stop()
})

const GET = 'GET /x HTTP/1.1\r\nHost: server\r\n\r\n'

test('one client connection lives through endpoints that vanish, come back and change kind', async () => {
  const client = await rawClient(pair.address)
  const ask = async (status: number): Promise<void> => {
    client.clear()
    client.send(GET)
    await client.until(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*(GET /x|upstream)$`))
  }
  await ask(200)
  await pair.changeServer(() => [])
  await ask(503)
  await pair.changeServer((server) => [server])
  await ask(200)

  // No mesh: the application's own address, in plaintext.
  const { host, port } = app.address
  const plain = workload('plain', host, { services: { [SERVICE_KEY]: { [SERVICE_PORT]: port } } })
  await pair.changeServer(() => [plain])
  await ask(200)
  assert.equal(app.requests.at(-1)?.headers['x-forwarded-client-cert'], undefined)
  client.socket.destroy()
})

test('a certificate that was replaced is used for the next connection', async () => {
  const client = await rawClient(pair.address)
  const hash = async (): Promise<string> => {
    client.clear()
    client.send(GET)
    await client.until(/GET \/x$/)
    const seen = String(app.requests.at(-1)?.headers['x-forwarded-client-cert'])
    return /Hash=([0-9a-f]{64})/.exec(seen)?.[1] ?? 'none'
  }
  await pair.changeServer((server) => [server])
  const old = await hash()
  assert.match(old, /^[0-9a-f]{64}$/)
  await pair.changeServer(() => [], await pair.authority.issue(CLIENT_ID))
  await pair.changeServer((server) => [server])
  const renewed = await hash()
  assert.match(renewed, /^[0-9a-f]{64}$/)
  assert.notEqual(renewed, old)
  client.socket.destroy()
})

test('an ambient endpoint is reached through HBONE', async () => {
  const ip = '127.79.1.2'
  const hbone = bindSocket(ip)
  const ztunnel = await startProxy('ztunnel')
  const ambient: Workload = workload('server', ip, {
    protocol: 'HBONE',
    hbonePort: hbone.port,
    services: { [SERVICE_KEY]: { [SERVICE_PORT]: 8080 } },
  })
  const identity = 'spiffe://cluster.local/ns/shop/sa/server'
  await ztunnel.configure({
    version: 1,
    trustDomain: 'cluster.local',
    node: 'b',
    pod: { name: 'ztunnel', namespace: 'istio-system', ip: '127.79.1.9' },
    state: { workloads: [ambient], services: [], policies: [] },
    local: [{ uid: ambient.uid, identity, appPorts: { 8080: app.address }, mtlsMode: 'STRICT' }],
    certificates: [await pair.authority.issue(identity)],
  })
  await ztunnel.listen({ id: 'hbone', kind: 'hbone', workloadUid: ambient.uid }, hbone)
  await pair.changeServer(() => [ambient])
  const client = await rawClient(pair.address)
  for (let n = 0; n < 3; n++) {
    client.clear()
    client.send(GET)
    await client.until(/^HTTP\/1\.1 200 [\s\S]*GET \/x$/)
  }
  client.socket.destroy()
  const opened = total(await ztunnel.metrics(), 'istio_tcp_connections_opened_total', {
    source_principal: CLIENT_ID,
  })
  assert.equal(opened, 1, 'three requests share one connection in one tunnel')
  await ztunnel.stop()
  hbone.close()
})
