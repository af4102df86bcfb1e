import { createHash } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { acceptOf } from '../contract/websocket.ts'
import { listenLocal } from './sidecar-pair.ts'

/** An application on node's own HTTP server, so that what it understands is not our own opinion. */
export interface HttpApp {
  readonly address: SocketAddress
  readonly requests: readonly IncomingMessage[]
  /** Connections accepted so far. */
  connections(): number
  /** Resolves when a request is given up by its client. */
  aborted(): Promise<void>
  /** Sends an event to all who listen to `/events`. */
  event(data: string): void
  /** Bytes the current `/flood` answer has handed to its socket. */
  flooded(): number
  close(): void
}

export async function startHttpApp(): Promise<HttpApp> {
  const requests: IncomingMessage[] = []
  const listening = new Set<ServerResponse>()
  let connections = 0
  let flooded = 0
  let onAborted = (): void => {}
  const aborted = new Promise<void>((resolve) => {
    onAborted = resolve
  })
  const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/echo': (request, response) => {
      const { 'content-length': length } = request.headers
      if (length !== undefined) response.setHeader('Content-Length', length)
      request.pipe(response)
    },
    '/headers': (request, response) => {
      response.setHeader('X-Powered-By', 'test')
      response.setHeader('Server', 'own')
      response.end(JSON.stringify(request.headers))
    },
    '/digest': (request, response) => {
      const hash = createHash('sha256')
      request.on('data', (chunk) => hash.update(chunk))
      request.on('end', () => response.end(hash.digest('hex')))
    },
    '/flood': (_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'f')
      response.setHeader('Content-Length', 1024 * chunk.length)
      flooded = 0
      const write = (): void => {
        while (flooded < 1024 * chunk.length) {
          flooded += chunk.length
          if (!response.write(chunk)) {
            response.once('drain', write)
            return
          }
        }
        response.end()
      }
      write()
    },
    '/trailers': (request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { Trailer: 'X-Sum' })
        response.write('body')
        response.addTrailers({ 'X-Sum': '42', 'X-Got': request.trailers['x-sent'] ?? 'none' })
        response.end()
      })
    },
    '/die': (_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' })
      response.write('only this', () => response.destroy())
    },
    '/die-chunked': (_request, response) => {
      response.write('only this', () => response.destroy())
    },
    '/hints': (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.end('hinted')
    },
    '/events': (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: one\n\n')
      listening.add(response)
      response.on('close', () => {
        listening.delete(response)
        onAborted()
      })
    },
    '/status': (request, response) => {
      response.writeHead(Number(request.url?.split('?')[1])).end()
    },
    '/length': (_request, response) => {
      response.setHeader('Content-Length', 12_345)
      response.end()
    },
    '/no-content': (_request, response) => response.writeHead(204).end(),
    '/hang': () => {},
    '/slow': (_request, response) => {
      setTimeout(() => response.end('slow'), 200)
    },
    '/unavailable': (_request, response) => response.writeHead(503).end('later'),
    '/bye': (_request, response) => {
      response.setHeader('Connection', 'close')
      response.end('bye')
    },
    '/early': (_request, response) => {
      response.writeHead(413).end('too much')
    },
  }
  const server = http.createServer((request, response) => {
    requests.push(request)
    const route = routes[request.url?.split('?')[0] ?? '']
    if (route) route(request, response)
    else response.end(`${request.method} ${request.url}`)
  })
  server.on('connection', () => {
    connections += 1
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    requests.push(request)
    const accept = acceptOf(request.headers['sec-websocket-key'] ?? '')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    socket.write(head)
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  return {
    address: await listenLocal(server),
    requests,
    connections: () => connections,
    aborted: () => aborted,
    event: (data) => {
      for (const response of listening) response.write(`data: ${data}\n\n`)
    },
    flooded: () => flooded,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
