import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'

export interface PortForwardServer {
  readonly url: string
  readonly asked: string[]
  stop(): void
}

/**
 * As much of an API server as port-forward needs: the channel protocol over WebSockets, in front of one
 * port on this machine (https://github.com/kubernetes/kubernetes kubelet/pkg/cri/streaming/portforward).
 */
export async function portForwardServer(
  target: number,
  options: { readonly refuse?: number; readonly complaint?: string } = {},
): Promise<PortForwardServer> {
  const asked: string[] = []
  const sockets = new Set<Duplex>()
  const server = createServer((_request, response) => response.writeHead(404).end())
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    asked.push(request.url ?? '')
    if (options.refuse !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuse} Refused\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const key = request.headers['sec-websocket-key']
    const accept = createHash('sha1')
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\nsec-websocket-protocol: v4.channel.k8s.io\r\n\r\n`,
    )
    const port = Buffer.alloc(2)
    port.writeUInt16LE(target)
    socket.write(frame(0, port))
    socket.write(frame(1, port))
    if (options.complaint !== undefined) {
      socket.write(frame(1, Buffer.from(options.complaint)))
      socket.end(Buffer.from([0x88, 0]))
      return
    }
    const upstream = connect(target, '127.0.0.1')
    upstream.on('data', (data) => {
      // Longer ones would need the frame's third way of writing lengths.
      for (let at = 0; at < data.length; at += 32_768) {
        socket.write(frame(0, data.subarray(at, at + 32_768)))
      }
    })
    upstream.on('close', () => socket.end(Buffer.from([0x88, 0])))
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    let rest = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (let next = take(rest); next !== undefined; next = take(rest)) {
        rest = rest.subarray(next.length)
        if (next.data[0] === 0) upstream.write(next.data.subarray(1))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** A binary frame of the server, unmasked: https://www.rfc-editor.org/rfc/rfc6455#section-5.2 */
function frame(channel: number, data: Buffer): Buffer {
  const length = data.length + 1
  const head =
    length < 126
      ? Buffer.from([0x82, length])
      : Buffer.from([0x82, 126, Math.floor(length / 256), length % 256])
  return Buffer.concat([head, Buffer.from([channel]), data])
}

/** The first whole frame of a client, unmasked. */
function take(bytes: Buffer): { readonly length: number; readonly data: Buffer } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f
  const start = short === 126 ? 4 : 2
  if (bytes.length < start + 4) return undefined
  const size = short === 126 ? bytes.readUInt16BE(2) : short
  const length = start + 4 + size
  if (bytes.length < length) return undefined
  const mask = bytes.subarray(start, start + 4)
  const data = Buffer.from(bytes.subarray(start + 4, length))
  for (let index = 0; index < data.length; index += 1) {
    data[index] = (data[index] ?? 0) ^ (mask[index % 4] ?? 0)
  }
  return { length, data }
}
