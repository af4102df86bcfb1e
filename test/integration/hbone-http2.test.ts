import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type ConnectOffer, serveTunnel, type TunnelServer } from '../../proxies/hbone/server.ts'
import { Tunnel } from '../../proxies/hbone/tunnel.ts'
import { mangledBytes, randomFrom } from '../support/fuzz.ts'
import {
  FLAG,
  FRAME,
  type Frame,
  frame,
  frameReader,
  literal,
  PREFACE,
} from '../support/http2-frames.ts'

const MIB = 1024 * 1024
const CONNECT = Buffer.concat([literal(':method', 'CONNECT'), literal(':authority', '10.0.0.1:80')])
const SETTINGS = frame(FRAME.settings, 0, 0)
const HELLO = Buffer.concat([PREFACE, SETTINGS])

let server: Server
let tunnels: TunnelServer[]
let offers: ConnectOffer[]
let onConnect: (offer: ConnectOffer) => void

beforeEach(async () => {
  tunnels = []
  offers = []
  onConnect = (offer) => void offer.accept().pipe(offer.stream)
  server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const taken = serveTunnel(socket, {
      maxConcurrentStreams: 5,
      onConnect: (offer) => {
        offers.push(offer)
        onConnect(offer)
      },
    })
    tunnels.push(taken)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  for (const tunnel of tunnels) tunnel.cut()
  server.close()
})

const port = (of: Server | Http2Server = server): number => (of.address() as AddressInfo).port

/** Bytes to the server; its frames until it closes, or until `until` is among them. */
async function say(bytes: Buffer, until = (_: Frame): boolean => false): Promise<Frame[]> {
  const socket = connect(port(), '127.0.0.1').on('error', () => {})
  const frames: Frame[] = []
  await new Promise<void>((resolve) => {
    const read = frameReader((got) => {
      frames.push(got)
      if (until(got)) resolve()
    })
    socket.on('data', read).on('close', resolve)
    socket.write(bytes)
  })
  socket.destroy()
  return frames
}

describe("the server's end of a tunnel", () => {
  const broken: readonly (readonly [string, Buffer, number])[] = [
    ['what is no HTTP/2', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 1],
    [
      'a first frame that is no SETTINGS',
      Buffer.concat([PREFACE, frame(FRAME.ping, 0, 0, Buffer.alloc(8))]),
      1,
    ],
    [
      'DATA on a stream that never was',
      Buffer.concat([HELLO, frame(FRAME.data, 0, 1, Buffer.from('a'))]),
      1,
    ],
    ['DATA on stream 0', Buffer.concat([HELLO, frame(FRAME.data, 0, 0, Buffer.from('a'))]), 1],
    [
      'an even stream',
      Buffer.concat([HELLO, frame(FRAME.headers, FLAG.endHeaders, 2, CONNECT)]),
      1,
    ],
    [
      'a frame amid a header block',
      Buffer.concat([HELLO, frame(FRAME.headers, 0, 1, CONNECT), SETTINGS]),
      1,
    ],
    [
      'a CONTINUATION of nothing',
      Buffer.concat([HELLO, frame(FRAME.continuation, FLAG.endHeaders, 1, CONNECT)]),
      1,
    ],
    [
      'more padding than payload',
      Buffer.concat([
        HELLO,
        frame(FRAME.headers, FLAG.endHeaders, 1, CONNECT),
        frame(FRAME.data, 8, 1, Buffer.from([9, 1])),
      ]),
      1,
    ],
    ['a push', Buffer.concat([HELLO, frame(FRAME.push, FLAG.endHeaders, 1, Buffer.alloc(8))]), 1],
    [
      'a window beyond 2^31-1',
      Buffer.concat([HELLO, frame(FRAME.windowUpdate, 0, 0, Buffer.from('7fffffff', 'hex'))]),
      3,
    ],
    [
      'SETTINGS of a wrong size',
      Buffer.concat([HELLO, frame(FRAME.settings, 0, 0, Buffer.alloc(5))]),
      6,
    ],
    ['a PING of a wrong size', Buffer.concat([HELLO, frame(FRAME.ping, 0, 0, Buffer.alloc(7))]), 6],
    ['a frame beyond 1 MiB', Buffer.concat([HELLO, Buffer.from('100001000000000001', 'hex')]), 6],
    [
      'no HPACK',
      Buffer.concat([HELLO, frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0x80]))]),
      9,
    ],
    [
      'a header block in endless frames',
      Buffer.concat([
        HELLO,
        frame(FRAME.headers, 0, 1, CONNECT),
        ...Array.from({ length: 20 }, () => frame(FRAME.continuation, 0, 1)),
      ]),
      11,
    ],
  ]
  for (const [what, bytes, code] of broken) {
    test(`${what} ends the connection with GOAWAY and code ${code}`, async () => {
      const goaway = (await say(bytes)).find(({ type }) => type === FRAME.goaway)
      assert.equal(goaway?.payload.readUInt32BE(4), code)
    })
  }

  test('a malformed request is reset and the connection goes on', async () => {
    const malformed = Buffer.concat([CONNECT, literal(':path', '/')])
    const bytes = Buffer.concat([
      HELLO,
      frame(FRAME.headers, FLAG.endHeaders, 1, malformed),
      frame(FRAME.headers, FLAG.endHeaders, 3, CONNECT),
    ])
    const frames = await say(bytes, ({ type, stream }) => type === FRAME.headers && stream === 3)
    const reset = frames.find(({ type }) => type === FRAME.reset)
    assert.deepEqual([reset?.stream, reset?.payload.readUInt32BE(0)], [1, 1])
  })

  test('beyond its limit of streams a request is refused, not queued', async () => {
    const requests = Array.from({ length: 6 }, (_, n) =>
      frame(FRAME.headers, FLAG.endHeaders, 2 * n + 1, CONNECT),
    )
    const frames = await say(
      Buffer.concat([HELLO, ...requests]),
      ({ type }) => type === FRAME.reset,
    )
    const reset = frames.find(({ type }) => type === FRAME.reset)
    assert.deepEqual([reset?.stream, reset?.payload.readUInt32BE(0)], [11, 7])
  })

  test('requests reset before their answer stop counting as streams, but not without end', async () => {
    onConnect = () => {}
    const rapid = Array.from({ length: 100 }, (_, n) =>
      Buffer.concat([
        frame(FRAME.headers, FLAG.endHeaders, 2 * n + 1, CONNECT),
        frame(FRAME.reset, 0, 2 * n + 1, Buffer.from([0, 0, 0, 8])),
      ]),
    )
    const frames = await say(Buffer.concat([HELLO, ...rapid]))
    assert.equal(frames.find(({ type }) => type === FRAME.goaway)?.payload.readUInt32BE(4), 11)
    assert.equal(offers.length, 4 * 5)
  })

  test('a client that sends more than the window allows is cut', async () => {
    onConnect = (offer) => void offer.accept().pause()
    const flood = Array.from({ length: 5 }, () => frame(FRAME.data, 0, 1, Buffer.alloc(MIB)))
    const request = frame(FRAME.headers, FLAG.endHeaders, 1, CONNECT)
    const frames = await say(Buffer.concat([HELLO, request, ...flood]))
    assert.equal(frames.find(({ type }) => type === FRAME.goaway)?.payload.readUInt32BE(4), 3)
  })

  test('padded DATA is taken without its padding', async () => {
    const bytes = Buffer.concat([
      HELLO,
      frame(FRAME.headers, FLAG.endHeaders, 1, CONNECT),
      frame(FRAME.data, 8, 1, Buffer.from([3, 0x68, 0x69, 0, 0, 0])),
    ])
    const frames = await say(bytes, ({ type }) => type === FRAME.data)
    assert.equal(String(frames.find(({ type }) => type === FRAME.data)?.payload), 'hi')
  })

  test('frames may come byte by byte', async () => {
    const socket = connect(port(), '127.0.0.1', () => {})
    socket.setNoDelay(true)
    const bytes = Buffer.concat([
      HELLO,
      frame(FRAME.headers, FLAG.endHeaders, 1, CONNECT),
      frame(FRAME.data, FLAG.endStream, 1, Buffer.from('hi')),
    ])
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    const echoed = await new Promise<string>((resolve) => {
      let text = ''
      const read = frameReader(({ type, flags, payload }) => {
        if (type !== FRAME.data) return
        text += String(payload)
        if ((flags & FLAG.endStream) !== 0) resolve(text)
      })
      socket.on('data', read)
    })
    assert.equal(echoed, 'hi')
    socket.destroy()
  })

  test('mangled frames never do more than end their connection', async () => {
    const random = randomFrom(7)
    const request = (stream: number): Buffer =>
      frame(FRAME.headers, FLAG.endHeaders, stream, CONNECT)
    const parts = [
      SETTINGS,
      frame(FRAME.settings, 0, 0, Buffer.from('000400000000000500004000', 'hex')),
      request(1),
      request(3),
      frame(FRAME.data, 0, 1, Buffer.from('hello')),
      frame(FRAME.data, FLAG.endStream, 3),
      frame(FRAME.reset, 0, 1, Buffer.from([0, 0, 0, 8])),
      frame(FRAME.windowUpdate, 0, 1, Buffer.from([0, 0, 1, 0])),
      frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
      frame(FRAME.goaway, 0, 0, Buffer.alloc(8)),
      frame(FRAME.priority, 0, 1, Buffer.alloc(5)),
    ]
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(
        Array.from({ length: 25 }, async () => {
          const some = Array.from(
            { length: 12 },
            () => parts[Math.floor(random() * parts.length)] as Buffer,
          )
          const bytes = Buffer.concat([HELLO, request(1), ...some])
          const socket = connect(port(), '127.0.0.1').on('error', () => {})
          socket.resume().end(mangledBytes(random, bytes))
          await once(socket, 'close')
        }),
      )
    }
    const frames = await say(
      Buffer.concat([HELLO, request(1)]),
      ({ type }) => type === FRAME.headers,
    )
    assert.ok(frames.some(({ type }) => type === FRAME.headers))
  })
})

describe("node's own HTTP/2 at the other end", () => {
  let session: ClientHttp2Session
  beforeEach(() => {
    session = connectHttp2(`http://127.0.0.1:${port()}`)
    session.on('error', () => {})
  })
  afterEach(() => session.destroy())

  test('its compressed headers are read, first and repeated', async () => {
    const printable = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n)).join('')
    for (let n = 0; n < 3; n += 1) {
      const baggage = `k=${printable.repeat(n + 1)}`
      const stream = session.request(
        { ':method': 'CONNECT', ':authority': `10.0.0.${n}:80`, baggage, forwarded: 'for="a"' },
        { endStream: false },
      )
      await once(stream, 'response')
      assert.deepEqual([offers[n]?.authority, offers[n]?.baggage], [`10.0.0.${n}:80`, baggage])
      stream.destroy()
    }
  })

  test('8 MiB come back unchanged, beyond every window', async () => {
    const stream = session.request(
      { ':method': 'CONNECT', ':authority': 'a:1' },
      { endStream: false },
    )
    const sent = Buffer.alloc(8 * MIB, 'meshbench')
    stream.end(sent)
    const got: Buffer[] = []
    for await (const chunk of stream) got.push(chunk)
    assert.ok(Buffer.concat(got).equals(sent))
  })

  test('K6: a client that lets it gets DATA frames above 16 KiB', async () => {
    const other = createHttp2Server({ settings: { maxFrameSize: MIB, initialWindowSize: 4 * MIB } })
    const longest = new Promise<number>((resolve) => {
      const raw = createServer((socket: Socket) => {
        const upstream = connect(port(other), '127.0.0.1')
        let largest = 0
        const read = frameReader(({ type, payload, flags }) => {
          if (type !== FRAME.data) return
          largest = Math.max(largest, payload.length)
          if ((flags & FLAG.endStream) !== 0) resolve(largest)
        }, PREFACE.length)
        socket.on('data', (chunk: Buffer) => {
          read(chunk)
          upstream.write(chunk)
        })
        upstream.pipe(socket)
        socket.on('close', () => upstream.destroy())
        raw.close()
      }).listen(0, '127.0.0.1', async () => {
        const socket = connect(port(raw), '127.0.0.1')
        await once(socket, 'connect')
        const tunnel = Tunnel.over(socket, { onIdle: () => {}, onClosing: () => {} })
        tunnel.reserve()
        const stream = await tunnel.open({ authority: 'a:1' })
        stream.resume().end(Buffer.alloc(60_000))
        stream.on('close', () => tunnel.destroy())
      })
    })
    other.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      stream.resume().on('end', () => stream.end())
    })
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    assert.equal(await longest, 60_000)
    other.close()
  })
})
