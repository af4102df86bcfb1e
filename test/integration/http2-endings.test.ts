import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  connect as connectHttp2,
  type Http2Session,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2'
import net, { type AddressInfo, type Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { endSession } from '../../proxies/hbone/end-session.ts'
import { resetStream } from '../../proxies/hbone/end-stream.ts'
import { keepAlive } from '../../proxies/hbone/keepalive.ts'
import { serveStreams } from '../../proxies/hbone/server-streams.ts'
import { carrierOf } from '../../proxies/hbone/stream-carrier.ts'
import { FLAG, FRAME, type Frame, frame, frameReader, PREFACE } from '../support/http2-frames.ts'

const SETTINGS = frame(FRAME.settings, 0, 0)
/** GET http://shop/ in HPACK's static table. */
const GET = Buffer.from([0x82, 0x86, 0x84, 0x01, 4, ...Buffer.from('shop')])
/** A breach of RFC 9113 section 6.1 that costs the connection: DATA on a stream nobody opened. */
const BREACH = frame(FRAME.data, 0, 99, Buffer.from('hello'))

const get = (stream: number): Buffer =>
  frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, GET)

async function listen(t: TestContext, onSocket: (socket: Socket) => void): Promise<AddressInfo> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return server.address() as AddressInfo
}

function dial(t: TestContext, { port }: AddressInfo): Socket {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  t.after(() => socket.destroy())
  return socket.on('error', () => {})
}

test('a session whose peer broke the protocol ends, though node 20 neither reads nor tells', async (t) => {
  const dead = new Promise<string>((resolve) => {
    void listen(t, (socket) => {
      const session = performServerHandshake(socket)
      session.on('stream', (stream) => stream.on('error', () => {}))
      // Later versions of node end it by themselves.
      session.on('error', () => {}).on('close', () => resolve('dead'))
      keepAlive(session, () => resolve('dead'), { intervalMs: 20, timeoutMs: 60_000 })
    }).then((address) => {
      dial(t, address).end(Buffer.concat([PREFACE, SETTINGS, get(1), BREACH]))
    })
  })
  assert.equal(await dead, 'dead')
})

test('so does one to a server that breaks it, and its request with it', async (t) => {
  const address = await listen(t, (socket) => {
    socket.write(Buffer.concat([SETTINGS, BREACH]))
    socket.resume()
  })
  const socket = dial(t, address)
  const session = connectHttp2('http://shop', { createConnection: () => socket })
  session.on('error', () => {})
  keepAlive(session, () => endSession(session, socket), { intervalMs: 20, timeoutMs: 2_000 })
  const request = session.request({ ':path': '/' }).on('error', () => {})
  const closed = (of: Duplex) => new Promise((resolve) => of.once('close', resolve))
  await Promise.all([closed(request), closed(socket)])
})

test('a healthy session is left alone, also when nobody expects an answer', async (t) => {
  let died = false
  const address = await listen(t, (socket) => {
    const session = performServerHandshake(socket)
    keepAlive(
      session,
      () => {
        died = true
      },
      { intervalMs: 20, timeoutMs: 60_000 },
    )
  })
  const silent = dial(t, address)
  silent.write(Buffer.concat([PREFACE, SETTINGS]))
  let pings = 0
  const read = frameReader(({ type }) => {
    if (type === FRAME.ping) pings += 1
  })
  silent.on('data', read)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  assert.equal(died, false)
  assert.equal(pings, 1, 'unanswered')
})

test('GOAWAY and another request in one packet: the one before is served, the one after refused', async (t) => {
  const served: (string | undefined)[] = []
  const address = await listen(t, (socket) => {
    const session = performServerHandshake(socket)
    session.on('error', () => {})
    serveStreams(session, socket, (stream: ServerHttp2Stream, headers) => {
      served.push(headers[':path'])
      stream.respond({ ':status': 200 })
      setTimeout(() => stream.end('answer'), 50)
    })
  })
  const client = dial(t, address)
  const frames: Frame[] = []
  client.on(
    'data',
    frameReader((received) => frames.push(received)),
  )
  const goaway = frame(FRAME.goaway, 0, 0, Buffer.alloc(8))
  client.write(Buffer.concat([PREFACE, SETTINGS, get(1), goaway, get(3), get(5)]))
  await once(client, 'end')
  assert.deepEqual(served, ['/'])
  const body = frames.filter(({ type, stream }) => type === FRAME.data && stream === 1)
  assert.equal(Buffer.concat(body.map(({ payload }) => payload)).toString(), 'answer')
  const goaways = frames.filter(({ type }) => type === FRAME.goaway)
  assert.equal(goaways[0]?.payload.readUInt32BE(), 1, 'the client learns which was the last')
})

for (const [what, end] of [
  ['told to end gracefully', (session: Http2Session) => session.close()],
  ['cut', (session: Http2Session, socket: Socket) => endSession(session, socket)],
] as const) {
  test(`a session ${what} gives its socket back, though the peer never closes`, async (t) => {
    const gone = new Promise<void>((resolve) => {
      void listen(t, (socket) => {
        const session = performServerHandshake(socket)
        session.on('error', () => {})
        serveStreams(session, socket, () => {})
        socket.once('close', () => resolve())
        session.once('remoteSettings', () => end(session, socket))
      }).then((address) => {
        const client = dial(t, address)
        client.write(Buffer.concat([PREFACE, SETTINGS]))
        client.resume()
      })
    })
    await gone
  })
}

test('a session that is cut gives its socket back, though the peer reads nothing', async (t) => {
  const gone = new Promise<void>((resolve) => {
    void listen(t, (socket) => {
      const session = performServerHandshake(socket, { maxSessionMemory: 64 })
      session.on('error', () => {})
      socket.once('close', () => resolve())
      serveStreams(session, socket, (stream) => {
        stream.respond({ ':status': 200 })
        const chunk = Buffer.alloc(1 << 20)
        for (let n = 0; n < 32; n++) stream.write(chunk)
        setTimeout(() => endSession(session, socket), 200)
      })
    }).then((address) => {
      const client = dial(t, address)
      const most = Buffer.from([0x7f, 0, 0, 0])
      const window = frame(FRAME.settings, 0, 0, Buffer.from([0, 4, ...most]))
      const connection = frame(FRAME.windowUpdate, 0, 0, most)
      client.write(Buffer.concat([PREFACE, window, connection, get(1)]))
      client.pause()
    })
  })
  await gone
})

test('a session inside a stream ends with it, whatever it was writing', async (t) => {
  let ended = 0
  const address = await listen(t, (socket) => {
    const outer = performServerHandshake(socket, { settings: { initialWindowSize: 1 << 20 } })
    outer.on('error', () => {})
    outer.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {}).respond({ ':status': 200 })
      const carrier = carrierOf(stream)
      carrier.on('error', () => {})
      const inner = performServerHandshake(carrier)
      inner.on('error', () => {})
      inner.on('close', () => {
        ended += 1
      })
      serveStreams(inner, carrier, (request) => {
        request.respond({ ':status': 200 })
        const chunk = Buffer.alloc(64 * 1024)
        for (let n = 0; n < 16; n++) request.write(chunk)
        if (ended % 3 === 1) inner.close()
        if (ended % 3 === 2) endSession(inner, carrier)
      })
    })
  })
  const outer = connectHttp2('http://shop', { createConnection: () => dial(t, address) })
  outer.on('error', () => {})
  const TUNNELS = 60
  for (let n = 0; n < TUNNELS; n++) {
    const tunnel = outer.request(
      { ':method': 'CONNECT', ':authority': 'shop:80' },
      { endStream: false },
    )
    tunnel.on('error', () => {})
    tunnel.write(Buffer.concat([PREFACE, SETTINGS, get(1), get(3)]))
    await once(tunnel, 'response')
    tunnel.on('data', () => {})
    if (n % 2 === 0) await once(tunnel, 'data')
    tunnel.close(n % 3 === 0 ? 8 : 0)
  }
  while (ended < TUNNELS) await new Promise((resolve) => setTimeout(resolve, 10))
  outer.destroy()
})

/** How the client of a tunnel leaves, from the side that serves it. */
const departures: readonly (readonly [string, (client: Duplex, side: Duplex) => void])[] = [
  ['ends', (client) => client.end()],
  ['is cut', (_client, side) => side.destroy()],
  ['ends and is cut', (client, side) => client.end(() => side.destroy())],
]
const moments: readonly ((action: () => void) => void)[] = [
  (action) => action(),
  (action) => process.nextTick(action),
  (action) => setImmediate(action),
  (action) => setImmediate(() => process.nextTick(action)),
  (action) => setImmediate(() => setImmediate(action)),
  (action) => setTimeout(action, 1),
]

for (const [how, leave] of departures) {
  test(`a stream may be reset at any moment while the tunnel around its session ${how}`, async () => {
    for (let n = 0; n < 40 * moments.length; n += 1) {
      const [client, side] = duplexPair()
      const carrier = carrierOf(side)
      carrier.on('error', () => {})
      const inner = performServerHandshake(carrier)
      inner.on('error', () => {})
      const ended = once(inner, 'close')
      serveStreams(inner, carrier, (request) => {
        request.respond({ ':status': 400 }, { endStream: true })
        resetStream(request, 0)
        moments[n % moments.length]?.(() => leave(client, side))
      })
      client.on('error', () => {}).resume()
      client.write(Buffer.concat([PREFACE, SETTINGS, get(1), get(3), get(5)]))
      await ended
    }
  })
}
