import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import type { SocketAddress, WorkloadCertificate } from '../../proxies/config/process.ts'
import { FLAG, FRAME, type Frame, frame, frameReader, literal, PREFACE } from './http2-frames.ts'

/** An HBONE server of the mesh by its certificate, and of no good will: it writes bytes as it likes. */
export interface HostileServer {
  readonly address: SocketAddress
  /** Tunnels made so far. */
  readonly accepted: number
  readonly live: ReadonlySet<TLSSocket>
  close(): void
}

export type Behaviour = (
  socket: TLSSocket,
  onFrame: (action: (frame: Frame) => void) => void,
) => void

export async function startHostileServer(
  certificate: WorkloadCertificate,
  behave: () => Behaviour,
  host = '127.0.0.1',
  port = 0,
): Promise<HostileServer> {
  const live = new Set<TLSSocket>()
  const raw = new Set<Socket>()
  let accepted = 0
  const server = createServer(
    {
      cert: certificate.certChainPem,
      key: certificate.privateKeyPem,
      ca: certificate.rootsPem,
      requestCert: true,
      ALPNProtocols: ['h2'],
    },
    (socket) => {
      accepted += 1
      live.add(socket)
      socket.on('error', () => {}).on('close', () => live.delete(socket))
      let heard = (_frame: Frame): void => {}
      const read = frameReader((received) => heard(received), PREFACE.length)
      socket.on('data', (chunk: Buffer) => read(chunk))
      behave()(socket, (action) => {
        heard = action
      })
    },
  ).listen(port, host)
  server.on('tlsClientError', () => {})
  server.on('connection', (socket: Socket) => {
    raw.add(socket)
    socket.on('close', () => raw.delete(socket))
  })
  await once(server, 'listening')
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    get accepted() {
      return accepted
    },
    live,
    close: () => {
      server.close()
      for (const socket of [...live, ...raw]) socket.destroy()
    },
  }
}

const SETTINGS = frame(FRAME.settings, 0, 0)
const SETTINGS_ACK = frame(FRAME.settings, FLAG.ack, 0)
const GOAWAY = frame(FRAME.goaway, 0, 0, Buffer.alloc(8))
const ok = (stream: number): Buffer =>
  frame(FRAME.headers, FLAG.endHeaders, stream, Buffer.from([0x88]))
const reset = (stream: number, code: number): Buffer =>
  frame(FRAME.reset, 0, stream, Buffer.from([0, 0, 0, code]))

/** Answers every CONNECT by what `answer` gives, after honest SETTINGS. */
function answering(answer: (stream: number, socket: TLSSocket) => void): Behaviour {
  return (socket, onFrame) => {
    socket.write(Buffer.concat([SETTINGS, SETTINGS_ACK]))
    onFrame(({ type, stream }) => {
      if (type === FRAME.headers) answer(stream, socket)
    })
  }
}

export const behaviours = {
  'says GOAWAY at once': (socket) => void socket.write(Buffer.concat([SETTINGS, GOAWAY])),
  'says GOAWAY at once and closes': (socket) => void socket.end(Buffer.concat([SETTINGS, GOAWAY])),
  'closes at once': (socket) => void socket.destroy(),
  'says nothing': () => {},
  'never answers CONNECT': answering(() => {}),
  'refuses every stream': answering((stream, socket) => void socket.write(reset(stream, 7))),
  'resets every stream after its 200': answering(
    (stream, socket) => void socket.write(Buffer.concat([ok(stream), reset(stream, 2)])),
  ),
  'floods with resets': answering((stream, socket) => {
    for (let n = 0; n < 2_000; n++) socket.write(reset(stream, 8))
  }),
  'floods with SETTINGS': answering((_stream, socket) => {
    socket.write(Buffer.concat(Array.from({ length: 2_000 }, () => SETTINGS)))
  }),
  'floods with PING': answering((_stream, socket) => {
    const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8))
    socket.write(Buffer.concat(Array.from({ length: 2_000 }, () => ping)))
  }),
  'answers with giant fields': answering((stream, socket) => {
    const rest = Array.from({ length: 8 }, (_, n) => literal(`x-${n}`, 'a'.repeat(15_000)))
    socket.write(frame(FRAME.headers, 0, stream, Buffer.from([0x88])))
    rest.forEach((piece, n) => {
      const last = n === rest.length - 1
      socket.write(frame(FRAME.continuation, last ? FLAG.endHeaders : 0, stream, piece))
    })
  }),
  'sends fields that never end': answering((stream, socket) => {
    socket.write(frame(FRAME.headers, 0, stream, Buffer.from([0x88])))
    const more = frame(FRAME.continuation, 0, stream, literal('x', 'a'.repeat(1_000)))
    socket.write(Buffer.concat(Array.from({ length: 500 }, () => more)))
  }),
  'closes in the middle of the answer': answering((stream, socket) => {
    socket.write(Buffer.concat([ok(stream), frame(FRAME.data, 0, stream, Buffer.from('half'))]))
    setImmediate(() => socket.destroy())
  }),
  'breaks the protocol': answering((_stream, socket) => {
    socket.write(frame(FRAME.data, 0, 99, Buffer.from('nobody asked')))
  }),
  'sends more than the window allows': answering((stream, socket) => {
    socket.write(ok(stream))
    const chunk = frame(FRAME.data, 0, stream, Buffer.alloc(16_384))
    socket.write(Buffer.concat(Array.from({ length: 600 }, () => chunk)))
  }),
  'opens windows beyond their end': answering((stream, socket) => {
    const most = Buffer.from([0x7f, 0xff, 0xff, 0xff])
    socket.write(Buffer.concat([ok(stream), frame(FRAME.windowUpdate, 0, stream, most)]))
    socket.write(frame(FRAME.windowUpdate, 0, 0, most))
  }),
} as const satisfies Readonly<Record<string, Behaviour>>
