import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2Server,
} from 'node:http2'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { ProxyError } from '../../proxies/errors.ts'
import { keepAlive } from '../../proxies/hbone/keepalive.ts'
import { HbonePool, type PoolOptions, type TunnelTarget } from '../../proxies/hbone/pool.ts'
import { type ConnectOffer, serveTunnel, type TunnelServer } from '../../proxies/hbone/server.ts'
import {
  CertificateStore,
  type Credential,
  createCredential,
} from '../../proxies/identity/certificates.ts'
import { connectMtls } from '../../proxies/identity/client.ts'
import { createMtlsAcceptor } from '../../proxies/identity/server.ts'
import { createTestAuthority } from '../support/certificates.ts'

const SERVER = 'spiffe://cluster.local/ns/shop/sa/server'
const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client'
const OTHER = 'spiffe://cluster.local/ns/shop/sa/other'

let server: Server
let client: Credential
let other: Credential
let pool: HbonePool
let sockets: Socket[] = []
let tunnels: TunnelServer[] = []
let offers: ConnectOffer[] = []
let onConnect: (offer: ConnectOffer) => void
let maxConcurrentStreams: number

before(async () => {
  const authority = await createTestAuthority()
  const store = new CertificateStore()
  store.replace([await authority.issue(SERVER)])
  client = createCredential(await authority.issue(CLIENT))
  other = createCredential(await authority.issue(OTHER))
  const accept = createMtlsAcceptor({
    store,
    identity: SERVER,
    alpn: ['h2'],
    onRefused: () => {},
    onSecure: (socket) => {
      tunnels.push(
        serveTunnel(socket, {
          maxConcurrentStreams,
          onConnect: (offer) => {
            offers.push(offer)
            onConnect(offer)
          },
        }),
      )
    },
  })
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    accept(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => server.close())

beforeEach(() => {
  sockets = []
  tunnels = []
  offers = []
  maxConcurrentStreams = 200
  onConnect = (offer) => void offer.accept('k8s.namespace.name=shop').resume()
  use({})
})
afterEach(() => {
  pool.close()
  for (const tunnel of tunnels) tunnel.cut()
})

function use(options: PoolOptions): void {
  pool?.close()
  pool = new HbonePool(options)
}

function target(overrides: Partial<TunnelTarget> = {}): TunnelTarget {
  return {
    credential: client,
    expectedIdentities: [SERVER],
    nextHop: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    ...overrides,
  }
}

const request = { authority: '127.0.0.9:8080' }

describe('HBONE tunnels', () => {
  test('a CONNECT carries its authority and headers, and arrives as it was sent', async () => {
    const stream = await pool.open(target(), {
      authority: '10.0.0.1:8080',
      baggage: 'k8s.cluster.name=Kubernetes,k8s.namespace.name=shop',
      forwarded: 'for="10.0.0.7:1";host=server.shop.svc.cluster.local',
      traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-00',
    })
    const [offer] = offers
    assert.equal(offer?.authority, '10.0.0.1:8080')
    assert.equal(offer?.baggage, 'k8s.cluster.name=Kubernetes,k8s.namespace.name=shop')
    assert.equal(offer?.forwarded, 'for="10.0.0.7:1";host=server.shop.svc.cluster.local')
    assert.equal(offer?.traceparent, '00-0123456789abcdef0123456789abcdef-0123456789abcdef-00')
    stream.destroy()
  })

  test('K7: connections of one key share a tunnel, another identity or next hop gets its own', async () => {
    const first = await pool.open(target(), request)
    const second = await pool.open(target(), request)
    assert.equal(sockets.length, 1)
    const third = await pool.open(target({ credential: other }), request)
    assert.equal(sockets.length, 2)
    const fourth = await pool.open(target({ expectedIdentities: [SERVER, OTHER] }), request)
    assert.equal(sockets.length, 3)
    const fifth = await pool.open(target({ sourceIp: '127.0.0.1' }), request)
    assert.equal(sockets.length, 4)
    for (const stream of [first, second, third, fourth, fifth]) stream.destroy()
  })

  test('K7: 200 simultaneous first connections make two tunnels of 100 streams', async () => {
    const streams = await Promise.all(
      Array.from({ length: 200 }, () => pool.open(target(), request)),
    )
    assert.equal(streams.length, 200)
    assert.equal(sockets.length, 2)
    const next = await pool.open(target(), request)
    assert.equal(sockets.length, 3)
    for (const stream of [...streams, next]) stream.destroy()
  })

  test('K7: a full tunnel is never used again and closes with its last stream', async () => {
    use({ maxStreams: 2 })
    const [a, b] = await Promise.all([pool.open(target(), request), pool.open(target(), request)])
    assert.equal(pool.size, 1)
    const closed = once(sockets[0] as Socket, 'close')
    a.destroy()
    const c = await pool.open(target(), request)
    assert.equal(sockets.length, 2)
    b.destroy()
    await closed
    assert.equal(pool.size, 1)
    c.destroy()
  })

  test('K8: above the limit the peer announces, connections wait instead of failing', async () => {
    maxConcurrentStreams = 3
    const first = await pool.open(target(), request)
    // Only now are the peer's SETTINGS known for certain.
    const rest = Array.from({ length: 5 }, () => pool.open(target(), request))
    const done: Duplex[] = [first]
    for (const opening of rest) {
      if (done.length >= 3) done.shift()?.destroy()
      done.push(await opening)
    }
    assert.equal(offers.length, 6)
    for (const stream of done) stream.destroy()
  })

  test('K9: after GOAWAY new connections take a new tunnel and running ones finish', async () => {
    onConnect = (offer) => {
      const stream = offer.accept()
      stream.pipe(stream)
    }
    const running = await pool.open(target(), request)
    tunnels[0]?.drain()
    // What comes back has followed the GOAWAY.
    running.write('still here')
    const [echo] = await once(running, 'data')
    assert.equal(String(echo), 'still here')
    const later = await pool.open(target(), request)
    assert.equal(sockets.length, 2)
    running.end()
    later.destroy()
    await once(sockets[0] as Socket, 'close')
  })

  test('K10: a tunnel without streams is closed after the idle time, one with a stream is not', async () => {
    use({ idleTimeoutMs: 50 })
    const idle = await pool.open(target(), request)
    const busy = await pool.open(target({ credential: other }), request)
    const closed = once(sockets[0] as Socket, 'close')
    idle.destroy()
    await closed
    assert.equal(pool.size, 1)
    assert.equal(busy.destroyed, false)
    busy.destroy()
  })

  for (const status of [400, 401, 503]) {
    test(`an answer of ${status} ends the attempt and is not retried`, async () => {
      onConnect = (offer) => offer.refuse(status)
      await assert.rejects(pool.open(target(), request), (error) => {
        assert.ok(error instanceof ProxyError)
        assert.equal(error.code, 'TUNNEL_REFUSED')
        assert.match(error.message, new RegExp(`${status}`))
        return true
      })
      assert.equal(offers.length, 1)
    })
  }

  test('a request that is no CONNECT is answered with 400', async () => {
    const socket = await connectMtls({
      address: target().nextHop,
      credential: client,
      expectedIdentities: [SERVER],
      alpn: ['h2'],
    })
    const session = connectHttp2('https://hbone', { createConnection: () => socket })
    const stream: ClientHttp2Stream = session.request({ ':method': 'GET', ':path': '/' })
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], 400)
    assert.equal(offers.length, 0)
    session.destroy()
  })

  test('K16: the server announces its limits and the windows of ztunnel', async () => {
    const socket = await connectMtls({
      address: target().nextHop,
      credential: client,
      expectedIdentities: [SERVER],
      alpn: ['h2'],
    })
    const session = connectHttp2('https://hbone', { createConnection: () => socket })
    const [settings] = await once(session, 'remoteSettings')
    assert.equal(settings.maxConcurrentStreams, 200)
    assert.equal(settings.initialWindowSize, 4 * 1024 * 1024)
    assert.equal(settings.maxFrameSize, 1024 * 1024)
    assert.equal(settings.maxHeaderListSize, 64 * 1024)
    const stream = session.request(
      { ':method': 'CONNECT', ':authority': '127.0.0.9:1' },
      { endStream: false },
    )
    await once(stream, 'response')
    assert.equal(session.state.remoteWindowSize, 16 * 1024 * 1024)
    session.destroy()
  })

  test('a reader that pauses holds the sender back within one stream window', async () => {
    let received: Duplex | undefined
    onConnect = (offer) => {
      received = offer.accept().pause()
    }
    const stream = await pool.open(target(), request)
    const chunk = Buffer.alloc(64 * 1024)
    let written = 0
    // Ends when a write is not taken within 200 ms: the windows are full.
    for (;;) {
      const taken = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), 200)
        stream.write(chunk, () => {
          clearTimeout(timer)
          resolve(true)
        })
      })
      if (!taken) break
      written += chunk.length
    }
    const windowBytes = 4 * 1024 * 1024
    assert.ok(written >= windowBytes - chunk.length, `${written} bytes`)
    assert.ok(written <= windowBytes + 1024 * 1024, `${written} bytes`)
    let drained = 0
    received?.on('data', (data: Buffer) => {
      drained += data.length
    })
    received?.resume()
    stream.end()
    await once(received as Duplex, 'end')
    assert.equal(drained, written + chunk.length)
  })

  test('K11: a peer that answers PING keeps its tunnel, a silent one loses it', async () => {
    const talking = createHttp2Server().listen(0, '127.0.0.1')
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    await Promise.all([once(talking, 'listening'), once(silent, 'listening')])
    const start = (to: Server | Http2Server, onDead: () => void) => {
      const session = connectHttp2(`http://127.0.0.1:${(to.address() as AddressInfo).port}`)
      session.on('error', () => {})
      keepAlive(session, onDead, { intervalMs: 10, timeoutMs: 500 })
      return session
    }
    let healthy = true
    const pinged = new Promise<void>((resolve) => {
      let count = 0
      talking.on('session', (session) => {
        session.on('ping', () => {
          count += 1
          if (count === 5) resolve()
        })
      })
    })
    const good = start(talking, () => {
      healthy = false
    })
    let bad: ClientHttp2Session | undefined
    await new Promise<void>((resolve) => {
      bad = start(silent, resolve)
    })
    await pinged
    assert.ok(healthy)
    good.destroy()
    bad?.destroy()
    talking.close()
    silent.close()
  })
})
