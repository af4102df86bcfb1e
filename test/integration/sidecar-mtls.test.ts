import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { AppProtocol } from '../../proxies/config/mesh-state.ts'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { createTestAuthority } from '../support/certificates.ts'
import { readOffer } from '../support/client-hello.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { FLAG, FRAME, frame, PREFACE } from '../support/http2-frames.ts'
import { total } from '../support/proxy-process.ts'
import { exchangeRaw, rawClient } from '../support/raw-client.ts'
import {
  CLIENT_ID,
  listenLocal,
  type PairOptions,
  SERVER_ID,
  type SidecarPair,
  startSidecarPair,
} from '../support/sidecar-pair.ts'

const SECRET = 'a-body-that-must-not-be-readable'
/** `:method: GET`, `:scheme: http`, `:path: /` from the static table, and an authority. */
const FIELDS = Buffer.from([0x82, 0x86, 0x84, 0x01, 4, ...Buffer.from('shop')])
const GET = frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, FIELDS)
const REQUEST = `POST /echo HTTP/1.1\r\nHost: server\r\nConnection: close\r\nContent-Length: ${SECRET.length}\r\n\r\n${SECRET}`

let app: HttpApp
before(async () => {
  app = await startHttpApp()
})
after(() => app?.close())

/** A pair that ends with its test, also when that fails. */
async function pairFor(context: TestContext, options: PairOptions): Promise<SidecarPair> {
  const pair = await startSidecarPair(options)
  context.after(() => pair.stop())
  return pair
}

/** Forwards bytes and keeps them all. */
async function startRelay(to: SocketAddress): Promise<{ address: SocketAddress; seen: Buffer[] }> {
  const seen: Buffer[] = []
  const server = net.createServer((client) => {
    const upstream = net.connect({ host: to.host, port: to.port })
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        seen.push(chunk)
        into.write(chunk)
      })
      from.on('end', () => into.end())
      from.on('error', () => into.destroy())
    }
  })
  server.unref()
  return { address: await listenLocal(server), seen }
}

test('nothing between two sidecars is readable', async (t) => {
  let seen: Buffer[] = []
  const pair = await pairFor(t, {
    app: app.address,
    via: async (real) => {
      const relay = await startRelay(real)
      seen = relay.seen
      return relay.address
    },
  })
  const answer = await exchangeRaw(pair.address, REQUEST)
  assert.ok(answer.endsWith(SECRET))
  const wire = Buffer.concat(seen).toString('latin1')
  assert.ok(wire.length > 2 * SECRET.length)
  for (const word of [SECRET, 'HTTP/1.1', 'echo', SERVER_ID, 'x-request-id']) {
    assert.ok(!wire.includes(word), `${word} is on the wire`)
  }
})

const refusals: Record<
  string,
  { options: Partial<PairOptions>; reason: RegExp; by: 'client' | 'server' }
> = {
  'a server with another identity': {
    options: {
      serverCertificate: (authority) =>
        authority.issue(SERVER_ID, { uris: ['spiffe://cluster.local/ns/shop/sa/impostor'] }),
    },
    reason: /UF/,
    by: 'client',
  },
  'a server of another authority': {
    options: {
      serverCertificate: async (authority) =>
        (await createTestAuthority('other root')).issue(SERVER_ID, {
          rootsPem: authority.rootPem,
        }),
    },
    reason: /UF/,
    by: 'client',
  },
  'a client of another trust domain': {
    options: {
      clientCertificate: (authority) =>
        authority.issue(CLIENT_ID, { uris: ['spiffe://other.domain/ns/shop/sa/client'] }),
    },
    reason: /PEER_TRUST_DOMAIN/,
    by: 'server',
  },
  'a client without a mesh name': {
    options: { clientCertificate: (authority) => authority.issue(CLIENT_ID, { uris: [] }) },
    reason: /PEER_IDENTITY/,
    by: 'server',
  },
  'an expired client': {
    options: {
      clientCertificate: (authority) =>
        authority.issue(CLIENT_ID, {
          notBeforeMs: Date.now() - 7_200_000,
          notAfterMs: Date.now() - 3_600_000,
        }),
    },
    reason: /PEER_UNTRUSTED/,
    by: 'server',
  },
}

for (const [who, { options, reason, by }] of Object.entries(refusals)) {
  test(`${who} is refused: the application sees 503, the other application nothing`, async (t) => {
    const before = app.requests.length
    let seen: Buffer[] = []
    const pair = await pairFor(t, {
      app: app.address,
      ...options,
      via: async (real) => {
        const relay = await startRelay(real)
        seen = relay.seen
        return relay.address
      },
    })
    assert.match(
      await exchangeRaw(pair.address, REQUEST),
      /^HTTP\/1\.1 503 Service Unavailable\r\n/,
    )
    assert.equal(app.requests.length, before)
    assert.ok(!Buffer.concat(seen).toString('latin1').includes(SECRET), 'never in plaintext')
    if (by === 'server') await pair.server.logged(reason)
    else {
      const metrics = await pair.client.metrics()
      const failed = metrics.filter(({ name }) => name === 'istio_requests_total')
      assert.match(String(failed[0]?.labels.response_flags), reason)
      assert.equal(total(failed, 'istio_requests_total', { response_code: '503' }), 1)
    }
  })
}

test('K38: PERMISSIVE lets plaintext in and STRICT does not', async (t) => {
  const permissive = await pairFor(t, { app: app.address })
  const answer = await exchangeRaw(
    permissive.inbound,
    REQUEST.replace('Host', 'X-Forwarded-Client-Cert: URI=forged\r\nHost'),
  )
  assert.ok(answer.endsWith(SECRET))
  assert.match(answer, /\r\nserver: istio-envoy\r\n/)
  assert.equal(app.requests.at(-1)?.headers['x-forwarded-client-cert'], undefined)
  const metrics = await permissive.server.metrics()
  const labels = { reporter: 'destination', connection_security_policy: 'none' }
  assert.equal(total(metrics, 'istio_requests_total', labels), 1)

  const strict = await pairFor(t, { app: app.address, mtlsMode: 'STRICT' })
  const before = app.requests.length
  assert.doesNotMatch(await exchangeRaw(strict.inbound, REQUEST), /HTTP/)
  assert.equal(app.requests.length, before)
  await strict.server.logged(/connection refused/)
  assert.ok((await exchangeRaw(strict.address, REQUEST)).endsWith(SECRET), 'the mesh still gets in')
})

/** What the client's sidecar offers for a service of this protocol, read from its first record. */
const offers: readonly (readonly [AppProtocol, readonly string[], Buffer])[] = [
  ['http', ['istio-http/1.1', 'istio', 'http/1.1'], Buffer.from(REQUEST)],
  ['grpc', ['istio-h2', 'istio', 'h2'], Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), GET])],
  ['tcp', ['istio'], Buffer.from('hello')],
]

for (const [protocol, alpn, bytes] of offers) {
  test(`K38: for ${protocol} it offers ${alpn.join(', ')} over TLS 1.3, and no server name`, async (t) => {
    let seen: Buffer[] = []
    const pair = await pairFor(t, {
      app: app.address,
      protocol,
      via: async (real) => {
        const relay = await startRelay(real)
        seen = relay.seen
        return relay.address
      },
    })
    const client = await rawClient(pair.address)
    client.send(bytes)
    for (let n = 0; n < 500 && seen.length === 0; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    client.socket.destroy()
    const offer = readOffer(seen[0] ?? Buffer.alloc(0))
    assert.deepEqual(offer.alpn, alpn)
    assert.deepEqual(offer.versions, [0x0304])
    assert.equal(offer.serverName, false)
  })
}

const chosen: readonly (readonly [readonly string[], string | false])[] = [
  [['istio-http/1.1', 'istio', 'http/1.1'], 'http/1.1'],
  [['istio-h2', 'istio', 'h2'], 'h2'],
  [['istio'], 'istio'],
]

for (const [offered, expected] of chosen) {
  test(`K38: of ${offered.join(', ')} the server's sidecar selects ${expected}`, async (t) => {
    const pair = await pairFor(t, { app: app.address, mtlsMode: 'STRICT' })
    const { certChainPem, privateKeyPem } = await pair.authority.issue(CLIENT_ID)
    const { host, port } = pair.inbound
    const socket = connectTls({
      host,
      port,
      cert: certChainPem,
      key: privateKeyPem,
      ALPNProtocols: [...offered],
      rejectUnauthorized: false,
    })
    await once(socket, 'secureConnect')
    assert.equal(socket.alpnProtocol, expected)
    socket.on('error', () => {}).destroy()
  })
}

test('STRICT asks those to leave who have come in plaintext, and lets the mesh stay', async (t) => {
  const options: { app: SocketAddress; mtlsMode: 'PERMISSIVE' | 'STRICT' } = {
    app: app.address,
    mtlsMode: 'PERMISSIVE',
  }
  const pair = await pairFor(t, options)
  const get = 'GET /x HTTP/1.1\r\nHost: server\r\n\r\n'
  const [stranger, member] = [await rawClient(pair.inbound), await rawClient(pair.address)]
  for (const client of [stranger, member]) {
    client.send(get)
    assert.doesNotMatch(await client.until(/GET \/x$/), /connection: close/i)
    client.clear()
  }
  options.mtlsMode = 'STRICT'
  await pair.applyL7('server', {})
  for (const client of [stranger, member]) client.send(get)
  assert.match(await stranger.closed(), /connection: close\r\n[\s\S]*GET \/x$/i)
  assert.doesNotMatch(await member.until(/GET \/x$/), /connection: close/i)
  member.socket.destroy()
})

test('a TLS client that sends no certificate is refused', async (t) => {
  const pair = await pairFor(t, { app: app.address, mtlsMode: 'STRICT' })
  const socket = connectTls({
    host: pair.inbound.host,
    port: pair.inbound.port,
    ALPNProtocols: ['istio', 'http/1.1'],
    rejectUnauthorized: false,
  })
  socket.on('error', () => {})
  socket.write(REQUEST)
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  await new Promise((resolve) => socket.on('close', resolve))
  assert.equal(received, '')
  await pair.server.logged(/PEER_NO_CERTIFICATE/)
})

test("an application's own TLS passes a PERMISSIVE sidecar untouched", async (t) => {
  const authority = await createTestAuthority('application')
  const { certChainPem, privateKeyPem } = await authority.issue('spiffe://a/ns/b/sa/c')
  const tlsApp = createTlsServer({ cert: certChainPem, key: privateKeyPem }, (socket) => {
    socket.end('own tls')
  })
  const pair = await pairFor(t, { app: await listenLocal(tlsApp) })
  const socket = connectTls({
    host: pair.inbound.host,
    port: pair.inbound.port,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: false,
  })
  const [chunk] = await once(socket, 'data')
  assert.equal(String(chunk), 'own tls')
  socket.destroy()
  tlsApp.close()
})
