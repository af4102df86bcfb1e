import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import type { SocketAddress, WorkloadCertificate } from '../../proxies/config/process.ts'
import { mangledBytes, noise, type Random } from './fuzz.ts'
import { FLAG, FRAME, frame, literal, PREFACE } from './http2-frames.ts'

const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] as T

/** How a client goes: with FIN, at once, or with a reset. */
const departures = ['end', 'destroy', 'resetAndDestroy'] as const

/** `:method: CONNECT` and `:authority`, as literals whose names are in the static table. */
function connectFields(authority: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x02, 7]),
    Buffer.from('CONNECT'),
    Buffer.from([0x01, authority.length]),
    Buffer.from(authority),
  ])
}

/** Frames that an HBONE server knows, those it must refuse, and bytes out of place. */
export function mangledHbone(random: Random, authority: string): Buffer {
  const connect = connectFields(authority)
  const frames = [
    frame(FRAME.headers, FLAG.endHeaders, 1, connect),
    frame(FRAME.headers, FLAG.endHeaders, 3, connect),
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 5, connect),
    frame(FRAME.headers, FLAG.endHeaders, 7, connectFields('127.0.0.1:99999')),
    frame(FRAME.headers, FLAG.endHeaders, 9, connectFields('nowhere')),
    frame(FRAME.headers, FLAG.endHeaders, 11, connectFields('127.0.0.1:15008')),
    frame(FRAME.headers, FLAG.endHeaders, 13, Buffer.from([0x82, 0x86, 0x84, 0x01, 1, 0x61])),
    frame(
      FRAME.headers,
      FLAG.endHeaders,
      15,
      Buffer.concat([connect, literal('baggage', 'a='.repeat(4_000)), literal('forwarded', '"')]),
    ),
    frame(FRAME.headers, 0, 17, connect),
    frame(FRAME.continuation, FLAG.endHeaders, 17, literal('x', 'y'.repeat(9_000))),
    frame(FRAME.data, 0, 1, Buffer.from('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')),
    frame(FRAME.data, 0, 1, Buffer.alloc(16_384, 'x')),
    frame(FRAME.data, FLAG.endStream, 3, Buffer.from('bytes')),
    frame(FRAME.data, 0, 5, Buffer.from('too late')),
    frame(FRAME.reset, 0, 1, Buffer.from([0, 0, 0, Math.floor(random() * 14)])),
    frame(FRAME.reset, 0, 3, Buffer.from([0, 0, 0, 8])),
    frame(FRAME.settings, 0, 0),
    frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0xff, 0xff, 0xff, 0xff])),
    frame(FRAME.settings, FLAG.ack, 0),
    frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
    frame(FRAME.goaway, 0, 0, Buffer.alloc(8)),
    frame(FRAME.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
    frame(FRAME.windowUpdate, 0, 1, Buffer.from([0, 0, 0, 0])),
    frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 1, 5])),
    frame(FRAME.push, FLAG.endHeaders, 1, Buffer.from([0, 0, 0, 2, 0x82])),
    frame(Math.floor(random() * 256), Math.floor(random() * 256), 1, noise(random)),
  ]
  const parts = [PREFACE, frame(FRAME.settings, 0, 0)]
  if (random() < 0.1) {
    // Rapid reset (CVE-2023-44487): far more requests than are ever answered.
    for (let n = 0; n < 150; n++) {
      parts.push(frame(FRAME.headers, FLAG.endHeaders, 2 * n + 1, connect))
      parts.push(frame(FRAME.reset, 0, 2 * n + 1, Buffer.from([0, 0, 0, 8])))
    }
  }
  for (let n = 2 + Math.floor(random() * 12); n > 0; n--) parts.push(pick(random, frames))
  return random() < 0.5 ? Buffer.concat(parts) : mangledBytes(random, Buffer.concat(parts))
}

/** What a real client would begin with. */
export async function recordHello(alpn: readonly string[]): Promise<Buffer> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const client = tls.connect({ port, host: '127.0.0.1', ALPNProtocols: [...alpn] })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [net.Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return hello
}

const record = (type: number, payload: Buffer, length = payload.length): Buffer => {
  const head = Buffer.from([type, 3, 3, 0, 0])
  head.writeUInt16BE(length, 3)
  return Buffer.concat([head, payload])
}
const ALERT = 21
const CHANGE_CIPHER_SPEC = 20
const HANDSHAKE = 22
const APPLICATION_DATA = 23

/** Hellos that are cut, changed or too long, and what may not follow them. */
export function tlsJunk(random: Random, hello: Buffer): Buffer {
  const tail = noise(random)
  const cases = [
    () => hello.subarray(0, Math.floor(random() * hello.length)),
    () => mangledBytes(random, hello),
    () => Buffer.concat([hello, tail]),
    () => Buffer.concat([hello, record(APPLICATION_DATA, tail)]),
    () => Buffer.concat([hello, record(ALERT, Buffer.from([2, Math.floor(random() * 256)]))]),
    () => Buffer.concat([hello, hello]),
    () => record(HANDSHAKE, Buffer.alloc(16_000, 1), 0x4fff),
    () => record(HANDSHAKE, Buffer.concat([Buffer.from([1, 0xff, 0xff, 0xff]), tail])),
    () => Buffer.concat(Array.from({ length: 100 }, () => record(CHANGE_CIPHER_SPEC, tail))),
    () => record(Math.floor(random() * 256), tail),
    () => tail,
  ]
  return pick(random, cases)()
}

/** Byte after byte, far from done when its time is over. */
export function deliverSlowly(
  { host, port }: SocketAddress,
  bytes: Buffer,
  random: Random,
  patienceMs = 80,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, noDelay: true })
    let at = 0
    const timer = setInterval(() => {
      socket.write(bytes.subarray(at, at + 1))
      at += 1
    }, 5)
    const leave = setTimeout(() => socket[pick(random, departures)](), patienceMs)
    const over = setTimeout(() => socket.destroy(), 2 * patienceMs)
    socket.on('data', () => {}).on('error', () => {})
    socket.on('close', () => {
      for (const pending of [timer, leave, over]) clearTimeout(pending)
      resolve()
    })
  })
}

/** An mTLS client of the mesh. */
export function meshClient(certificate: WorkloadCertificate): tls.SecureContext {
  return tls.createSecureContext({
    cert: certificate.certChainPem,
    key: certificate.privateKeyPem,
    ca: certificate.rootsPem,
  })
}

/** Inside mutual TLS, in two pieces. */
export function deliverTls(
  { host, port }: SocketAddress,
  secureContext: tls.SecureContext,
  alpn: readonly string[],
  bytes: Buffer,
  random: Random,
  patienceMs = 60,
): Promise<void> {
  const middle = Math.floor(random() * bytes.length)
  const departure = pick(random, departures)
  return new Promise((resolve) => {
    const raw = net.connect({ host, port, noDelay: true }).on('error', () => {})
    const socket = tls.connect({
      socket: raw,
      secureContext,
      ALPNProtocols: [...alpn],
      servername: '',
      checkServerIdentity: () => undefined,
    })
    let over: NodeJS.Timeout | undefined
    socket.on('error', () => {}).on('data', () => {})
    socket.on('close', () => {
      clearTimeout(over)
      raw.destroy()
      resolve()
    })
    // A busy machine takes its time for a handshake; one that never ends is a failure of its own.
    over = setTimeout(() => {
      socket.destroy()
      raw.destroy()
    }, 5_000)
    socket.once('secureConnect', () => {
      socket.write(bytes.subarray(0, middle))
      setImmediate(() => socket.write(bytes.subarray(middle)))
      clearTimeout(over)
      over = setTimeout(() => {
        if (departure === 'resetAndDestroy') raw.resetAndDestroy()
        else socket[departure]()
        over = setTimeout(() => {
          socket.destroy()
          raw.destroy()
        }, patienceMs)
      }, patienceMs)
    })
  })
}
