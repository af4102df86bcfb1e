import assert from 'node:assert/strict'
import http from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startEngine } from '../support/http-engine.ts'

/** Seeded, so that a case that fails can be run again: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const seeds = [
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

function mutate(random: () => number): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  let text = pick(seeds)
  for (let n = Math.floor(random() * 4); n >= 0; n--) {
    const at = Math.floor(random() * (text.length + 1))
    const cut = random() < 0.5 ? 0 : Math.floor(random() * 4)
    const insert = random() < 0.2 ? '' : pick(tokens)
    text = text.slice(0, at) + insert + text.slice(at + cut)
  }
  return Buffer.from(text, 'latin1')
}

const START_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ \S+ HTTP\/1\.1\r\n/

const CASES = 1_500
const SEED = Number(process.env.FUZZ_SEED ?? 1)

test(`${CASES} mangled messages harm nobody, and all that is passed on is valid to node`, async (t) => {
  const refused: string[] = []
  let received = 0
  const origin = http.createServer((request, response) => {
    received += 1
    request.resume()
    response.end('ok')
  })
  origin.on('upgrade', (_request, socket) => {
    received += 1
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  origin.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    const packet = error.rawPacket?.toString('latin1') ?? ''
    // Node knows a list of methods; any other token is a method too (RFC 9110 section 9.1).
    const ownMethod = error.code === 'HPE_INVALID_METHOD' && START_LINE.test(packet)
    const cutShort = error.code === 'HPE_INVALID_EOF_STATE'
    if (error.code?.startsWith('HPE') && !ownMethod && !cutShort) {
      refused.push(`${error.code} ${packet.slice(0, 500)}`)
    }
    socket.destroy()
  })
  const engine = await startEngine((socket) => void origin.emit('connection', socket))
  t.after(() => engine.close())
  const random = randomFrom(SEED)
  for (let n = 0; n < CASES; n += 25) {
    await Promise.all(
      Array.from({ length: 25 }, () => deliver(engine.address, mutate(random), random)),
    )
  }
  assert.deepEqual(refused, [], 'node understands every message that was passed on')
  assert.ok(received > CASES / 10, `only ${received} messages got through`)
  assert.ok(
    received <= engine.records.reduce((sum, { attempts }) => sum + attempts, 0),
    'no request became two',
  )
  while (engine.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(engine.upstream.active, 0)
})

/** In a few pieces; the connection ends when the engine closes it or has nothing more to say. */
function deliver(
  address: { readonly host: string; readonly port: number },
  bytes: Buffer,
  random: () => number,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, noDelay: true })
    const middle = Math.floor(random() * bytes.length)
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.setTimeout(60, () => socket.destroy())
    socket.on('data', () => {})
    socket.write(bytes.subarray(0, middle))
    setImmediate(() => socket.write(bytes.subarray(middle)))
  })
}
