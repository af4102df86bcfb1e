import { connect } from 'node:net'
import type { SocketAddress } from '../../proxies/config/process.ts'

/** Seeded, so that a case that fails can be run again: mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export type Random = () => number

const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] as T

const messages = [
  'GET /a?b=c HTTP/1.1\r\nHost: shop\r\nAccept: */*\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 11\r\n\r\nhello world',
  'POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n',
  'PUT /a HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi',
  'GET /a HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET http://shop/a HTTP/1.1\r\nHost: shop\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\n\r\n',
  'POST /a HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc',
  'HEAD /a HTTP/1.1\r\nHost: shop\r\n\r\nGET /b HTTP/1.1\r\nHost: shop\r\n\r\n',
]
/** What parsers have disagreed about before. */
const tokens = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '0',
  '\xff',
  '\x0b',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\tchunked \r\n',
  'Connection: close\r\n',
  'Host: other\r\n',
  '0\r\n\r\n',
  'GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n',
  'a'.repeat(5_000),
]

export function mangledHttp1(random: Random): Buffer {
  let text = pick(random, messages)
  for (let n = Math.floor(random() * 4); n >= 0; n--) {
    const at = Math.floor(random() * (text.length + 1))
    const cut = random() < 0.5 ? 0 : Math.floor(random() * 4)
    const insert = random() < 0.2 ? '' : pick(random, tokens)
    text = text.slice(0, at) + insert + text.slice(at + cut)
  }
  return Buffer.from(text, 'latin1')
}

function frame(type: number, flags: number, stream: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(bytes.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, bytes])
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** GET / or POST /, http, authority `shop`, in HPACK without its dynamic table. */
const GET = Buffer.from([0x82, 0x86, 0x84, 0x01, 4, ...Buffer.from('shop')])
const POST = Buffer.from([0x83, 0x86, 0x84, 0x01, 4, ...Buffer.from('shop')])
const frames = [
  frame(4, 0, 0, ''),
  frame(4, 1, 0, ''),
  frame(4, 0, 0, Buffer.from([0, 4, 0xff, 0xff, 0xff, 0xff])),
  frame(1, 5, 1, GET),
  frame(1, 4, 3, POST),
  frame(0, 0, 3, 'hello'),
  frame(0, 1, 3, ''),
  frame(1, 0, 5, GET),
  frame(9, 4, 5, ''),
  frame(2, 0, 1, Buffer.from([0, 0, 0, 1, 5])),
  frame(3, 0, 1, Buffer.from([0, 0, 0, 8])),
  frame(6, 0, 0, '12345678'),
  frame(7, 0, 0, Buffer.alloc(8)),
  frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
  frame(8, 0, 3, Buffer.from([0, 0, 0, 0])),
]

export function mangledHttp2(random: Random): Buffer {
  const parts = [PREFACE, frame(4, 0, 0, '')]
  for (let n = 2 + Math.floor(random() * 10); n > 0; n--) parts.push(pick(random, frames))
  return random() < 0.4 ? Buffer.concat(parts) : mangledBytes(random, Buffer.concat(parts))
}

/** Bytes changed, inserted, left out and repeated. */
export function mangledBytes(random: Random, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes)
  for (let n = Math.floor(random() * 5); n >= 0; n--) {
    const at = Math.floor(random() * (result.length + 1))
    const choice = random()
    if (choice < 0.4 && at < result.length) result[at] = Math.floor(random() * 256)
    else {
      const skip = choice < 0.7 ? 0 : Math.floor(random() * 8)
      const extra = Buffer.from([Math.floor(random() * 256)])
      const from = choice < 0.7 ? extra : result.subarray(0, choice < 0.85 ? 0 : at)
      result = Buffer.concat([result.subarray(0, at), from, result.subarray(at + skip)])
    }
  }
  return result
}

export function noise(random: Random): Buffer {
  return Buffer.from(
    Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * 256)),
  )
}

/** In two pieces; over when the other side closes it or has nothing to say for a while. */
export function deliver(
  address: SocketAddress,
  bytes: Buffer,
  random: Random,
  patienceMs = 60,
): Promise<void> {
  return new Promise((resolve) => {
    const { host, port } = address
    const socket = connect({ host, port, noDelay: true })
    const middle = Math.floor(random() * bytes.length)
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.setTimeout(patienceMs, () => socket.destroy())
    socket.on('data', () => {})
    socket.write(bytes.subarray(0, middle))
    setImmediate(() => socket.write(bytes.subarray(middle)))
  })
}

export function isValidStart(packet: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ \S+ HTTP\/1\.1\r\n/.test(packet)
}
