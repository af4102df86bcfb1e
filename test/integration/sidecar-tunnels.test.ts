import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { HbonePool, type TunnelTarget } from '../../proxies/hbone/pool.ts'
import type { TunnelStream } from '../../proxies/hbone/wire/tunnel-stream.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { connectMtls } from '../../proxies/identity/client.ts'
import { createTestAuthority, type IssueOptions } from '../support/certificates.ts'
import { startHttpApp } from '../support/http-app.ts'
import { type BoundSocket, bindSocket, total } from '../support/proxy-process.ts'
import {
  CLIENT_ID,
  listenLocal,
  type PairOptions,
  SERVER_ID,
  SERVER_IP,
  type SidecarPair,
  startSidecarPair,
} from '../support/sidecar-pair.ts'

const OTHER_ID = 'spiffe://cluster.local/ns/shop/sa/other'

interface Tunnelled {
  readonly pair: SidecarPair
  readonly hbone: BoundSocket
  /** The container port, as a CONNECT names it. */
  readonly authority: string
  target(identity: string, options?: IssueOptions): Promise<TunnelTarget>
  /** A connection of a client with this identity, in a tunnel of its own. */
  connect(identity?: string, authority?: string): Promise<TunnelStream>
}

/** A sidecar that serves port 15008 beside its container port. */
async function tunnelled(t: TestContext, options: PairOptions): Promise<Tunnelled> {
  const pair = await startSidecarPair(options)
  const hbone = bindSocket(SERVER_IP)
  const pool = new HbonePool()
  t.after(async () => {
    pool.close()
    hbone.close()
    await pair.stop()
  })
  const workloadUid = 'Kubernetes//Pod/shop/server'
  await pair.server.listen({ id: 'hbone', kind: 'hbone', workloadUid }, hbone)
  const authority = `${SERVER_IP}:${pair.inbound.port}`
  const credentials = new Map<string, TunnelTarget['credential']>()
  const target = async (identity: string, issue?: IssueOptions): Promise<TunnelTarget> => {
    const credential =
      (issue ? undefined : credentials.get(identity)) ??
      createCredential(await pair.authority.issue(identity, issue))
    credentials.set(identity, credential)
    return { credential, expectedIdentities: [SERVER_ID], nextHop: hbone }
  }
  return {
    pair,
    hbone,
    authority,
    target,
    connect: async (identity = CLIENT_ID, to = authority) =>
      pool.open(await target(identity), { authority: to }),
  }
}

async function httpApp(t: TestContext) {
  const app = await startHttpApp()
  t.after(() => app.close())
  return app
}

async function toEnd(stream: TunnelStream): Promise<string> {
  let text = ''
  for await (const chunk of stream.setEncoding('latin1')) text += chunk
  return text
}

function get(stream: TunnelStream, path: string, ...fields: readonly string[]): void {
  stream.write([`GET ${path} HTTP/1.1`, 'Host: server', ...fields, '', ''].join('\r\n'))
}

async function answerTo(stream: TunnelStream, path: string): Promise<string> {
  get(stream, path, 'Connection: close')
  return toEnd(stream)
}

test('a request in a tunnel is served as one in mutual TLS: STRICT lets it in, XFCC and metrics name its client', async (t) => {
  const app = await httpApp(t)
  const { pair, connect } = await tunnelled(t, { app: app.address, mtlsMode: 'STRICT' })
  const stream = await connect()
  get(stream, '/x', 'X-Forwarded-Client-Cert: URI=forged', 'Connection: close')
  const answer = await toEnd(stream)
  assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*server: istio-envoy\r\n[\s\S]*GET \/x$/)
  const seen = app.requests.at(-1)?.headers
  assert.match(
    String(seen?.['x-forwarded-client-cert']),
    new RegExp(`,By=${SERVER_ID};Hash=[0-9a-f]{64};Subject="";URI=${CLIENT_ID}$`),
  )
  assert.equal(app.requests.at(-1)?.socket.remoteFamily, 'IPv4')
  const labels = {
    reporter: 'destination',
    source_principal: CLIENT_ID,
    destination_principal: SERVER_ID,
    connection_security_policy: 'mutual_tls',
    response_code: '200',
  }
  assert.equal(total(await pair.server.metrics(), 'istio_requests_total', labels), 1)
})

test('HTTP/2 goes through a tunnel, each stream with its own answer', async (t) => {
  const app = http2.createServer((request, response) => response.end(`h2 ${request.url}`))
  t.after(() => app.close())
  const { connect } = await tunnelled(t, { app: await listenLocal(app), protocol: 'grpc' })
  const stream = await connect()
  const session = http2.connect('http://server', { createConnection: () => stream })
  const answers = await Promise.all(
    ['/a', '/b'].map(async (path) => {
      let text = ''
      for await (const chunk of session.request({ ':path': path }).setEncoding('utf8')) {
        text += chunk
      }
      return text
    }),
  )
  assert.deepEqual(answers, ['h2 /a', 'h2 /b'])
  session.destroy()
})

test('policies see who is at the other end of the tunnel, at requests as at connections', async (t) => {
  const app = await httpApp(t)
  const rules = [[[{ principals: [{ Exact: OTHER_ID.replace('spiffe://', '') }] }]]]
  const denied = { name: 'no-other', namespace: 'shop', action: 'Deny', rules } as const
  const http = await tunnelled(t, { app: app.address })
  await http.pair.applyL7('server', { policies: [denied] })
  assert.match(await answerTo(await http.connect(), '/x'), /^HTTP\/1\.1 200 /)
  assert.match(
    await answerTo(await http.connect(OTHER_ID), '/x'),
    /^HTTP\/1\.1 403 [\s\S]*RBAC: access denied$/,
  )
})

test('a connection that policy refuses is told so by status 401', async (t) => {
  const echo = net.createServer((socket) => void socket.pipe(socket))
  t.after(() => echo.close())
  const tcp = await tunnelled(t, { app: await listenLocal(echo), protocol: 'tcp' })
  const rules = [[[{ principals: [{ Exact: OTHER_ID.replace('spiffe://', '') }] }]]]
  const denied = { name: 'no-other', namespace: 'shop', action: 'Deny', rules } as const
  await tcp.pair.applyL7('server', { policies: [denied] })
  await assert.rejects(tcp.connect(OTHER_ID), /http status: 401/)
  const stream = await tcp.connect()
  stream.end('allowed')
  assert.equal(await toEnd(stream), 'allowed')
})

test('bytes pass a tunnel whoever speaks first, and each direction ends on its own', async (t) => {
  const app = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.write('welcome\n')
    socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end('bye'))
  })
  t.after(() => app.close())
  const { pair, connect } = await tunnelled(t, { app: await listenLocal(app), protocol: 'tcp' })
  const stream = await connect()
  await once(stream, 'readable')
  stream.end('question')
  assert.equal(await toEnd(stream), 'welcome\nquestionbye')
  const labels = { reporter: 'destination', source_principal: CLIENT_ID }
  assert.equal(total(await pair.server.metrics(), 'istio_tcp_connections_opened_total', labels), 1)
})

test('a tunnel leads to container ports of this pod and nowhere else', async (t) => {
  const app = await httpApp(t)
  const { pair, connect } = await tunnelled(t, { app: app.address })
  for (const [authority, status] of [
    [`127.77.1.99:${pair.inbound.port}`, 400],
    ['nonsense', 400],
    [`${SERVER_IP}:1`, 503],
    [`${SERVER_IP}:15008`, 503],
    ['elsewhere.shop.svc.cluster.local:80', 503],
  ] as const) {
    await assert.rejects(connect(CLIENT_ID, authority), new RegExp(`http status: ${status}`))
  }
  const byName = await connect(CLIENT_ID, 'server.shop.svc.cluster.local:80')
  assert.match(await answerTo(byName, '/named'), /GET \/named$/)
})

test('only an identity of the mesh gets a tunnel, and nothing but HTTP/2 speaks on its port', async (t) => {
  const app = await httpApp(t)
  const { pair, hbone, target } = await tunnelled(t, { app: app.address })
  const pool = new HbonePool()
  t.after(() => pool.close())
  const authority = `${SERVER_IP}:${pair.inbound.port}`
  const foreign = await target(CLIENT_ID, { uris: ['spiffe://other.domain/ns/shop/sa/client'] })
  await assert.rejects(pool.open(foreign, { authority }))
  await pair.server.logged(/PEER_TRUST_DOMAIN/)
  const stranger = await (await createTestAuthority('other root')).issue(CLIENT_ID, {
    rootsPem: pair.authority.rootPem,
  })
  await assert.rejects(
    pool.open({ ...foreign, credential: createCredential(stranger) }, { authority }),
  )
  await pair.server.logged(/PEER_UNTRUSTED/)
  const { credential, expectedIdentities } = await target(OTHER_ID)
  await assert.rejects(
    connectMtls({ address: hbone, credential, expectedIdentities, alpn: ['istio'] }),
  )
  const plain = net.connect(hbone.port, hbone.host)
  plain.on('error', () => {})
  plain.write('GET / HTTP/1.1\r\nHost: server\r\n\r\n')
  await once(plain, 'close')
  assert.equal(app.requests.length, 0)
})

test('a sidecar that gives its port away lets answers finish, and says that it closes', async (t) => {
  const app = await httpApp(t)
  const { pair, connect } = await tunnelled(t, { app: app.address })
  const busy = await connect()
  get(busy, '/slow')
  const kept = await connect()
  get(kept, '/kept')
  await once(kept, 'readable')
  const waiting = toEnd(busy)
  await pair.server.unlisten('hbone', 10_000)
  get(kept, '/once-more')
  for (const answer of [await waiting, await toEnd(kept)]) {
    assert.match(answer, /connection: close\r\n[\s\S]*(slow|\/once-more)$/)
  }
  assert.equal(app.requests.length, 3)
})

test("K25: no tunnel leads to the ports of a sidecar or of the mesh, by the pod's address or localhost", async (t) => {
  const app = await httpApp(t)
  const { connect, authority } = await tunnelled(t, { app: app.address })
  for (const port of [15_000, 15_001, 15_006, 15_008, 15_020, 15_021, 15_053, 15_080, 15_090]) {
    await assert.rejects(connect(CLIENT_ID, `${SERVER_IP}:${port}`), /http status: 503/, `${port}`)
    await assert.rejects(connect(CLIENT_ID, `127.0.0.1:${port}`), /http status: 400/, `${port}`)
  }
  const good = await connect(CLIENT_ID, authority)
  good.destroy()
})
