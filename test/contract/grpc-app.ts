import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { SocketAddress } from '../../proxies/config/process.ts'

/** An application that speaks HTTP/2 without TLS and gRPC's framing of messages. */
export interface GrpcApp {
  readonly address: SocketAddress
  readonly name: string
  /** Requests answered. */
  calls(): number
  /** Streams their client gave up. */
  cancelled(): Promise<void>
  close(): void
}

/** One length-prefixed message. */
export function grpcMessage(payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload)
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

export async function startGrpcApp(name = 'app'): Promise<GrpcApp> {
  let calls = 0
  let onCancelled = (): void => {}
  const cancelled = new Promise<void>((resolve) => {
    onCancelled = resolve
  })
  const sockets = new Set<Socket>()
  const server = http2.createServer()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    calls += 1
    const status = (code: string, message = '') => ({
      'grpc-status': code,
      ...(message === '' ? {} : { 'grpc-message': message }),
    })
    const head = { ':status': 200, 'content-type': 'application/grpc', 'x-app': name }
    switch (headers[':path']) {
      case '/shop.Cart/Fail':
        stream.respond({ ...head, ...status('5', 'no such cart') }, { endStream: true })
        break
      case '/shop.Cart/Busy':
        stream.respond({ ...head, ...status('14', 'later') }, { endStream: true })
        break
      case '/shop.Cart/Watch':
        stream.respond(head)
        stream.write(grpcMessage('first'))
        stream.on('close', onCancelled)
        break
      case '/plain':
        stream.respond({ ':status': 200, 'x-app': name, 'x-saw': JSON.stringify(headers) })
        stream.pipe(stream)
        break
      default:
        stream.respond(head, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers(status('0', 'ok')))
        stream.pipe(stream)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    name,
    calls: () => calls,
    cancelled: () => cancelled,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

export interface GrpcAnswer {
  readonly headers: http2.IncomingHttpHeaders
  readonly trailers: http2.IncomingHttpHeaders
  readonly body: Buffer
}

/** One call; fails when its stream is reset. */
export async function call(
  session: http2.ClientHttp2Session,
  path: string,
  body: Buffer | undefined,
  headers: http2.OutgoingHttpHeaders = { 'content-type': 'application/grpc', te: 'trailers' },
): Promise<GrpcAnswer> {
  const stream = session.request(
    { ':method': 'POST', ':path': path, ...headers },
    { endStream: false },
  )
  const answer: { headers: http2.IncomingHttpHeaders; trailers: http2.IncomingHttpHeaders } = {
    headers: {},
    trailers: {},
  }
  stream.on('response', (received) => {
    answer.headers = received
  })
  stream.on('trailers', (received) => {
    answer.trailers = received
  })
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  stream.end(body)
  await once(stream, 'close')
  if (stream.rstCode !== 0) throw new Error(`${path} was reset with ${stream.rstCode}`)
  return { ...answer, body: Buffer.concat(parts) }
}
