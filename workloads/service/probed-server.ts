import { createServer as createHttpServer } from 'node:http'
import type { Http2Server } from 'node:http2'
import { createServer, type Server, type Socket } from 'node:net'
import { healthAnswer } from './health.ts'

/** How every HTTP/2 connection begins (RFC 9113, section 3.4), as far as no HTTP/1.1 method does. */
const preface = Buffer.from('PRI')

/**
 * One port for HTTP/2 without TLS and for the health check, which kubelets send in HTTP/1.1: the first
 * bytes of a connection tell which it is.
 */
export function createProbedServer(http2: Http2Server, isDraining: () => boolean): Server {
  const probes = createHttpServer((request, response) => {
    request.resume()
    const { status, text } =
      request.url === '/healthz'
        ? healthAnswer(isDraining())
        : { status: 505, text: 'this port speaks gRPC over HTTP/2\n' }
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' })
    response.end(text)
  })
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {})
    handOver(socket, (first) => {
      const isHttp2 = first.subarray(0, preface.length).equals(preface)
      // Streams have their own ends; a connection whose client has gone is over at once.
      if (isHttp2) socket.allowHalfOpen = false
      return isHttp2 ? http2 : probes
    })
  })
}

function handOver(
  socket: Socket,
  choose: (first: Buffer) => { emit(event: 'connection', socket: Socket): boolean },
): void {
  const onReadable = (): void => {
    const first = socket.read() as Buffer | null
    if (first === null) return
    socket.off('readable', onReadable)
    socket.off('end', onEnd)
    socket.unshift(first)
    choose(first).emit('connection', socket)
  }
  const onEnd = (): void => void socket.end()
  socket.on('readable', onReadable)
  socket.once('end', onEnd)
}
