import { once } from 'node:events'
import net from 'node:net'
import type { SocketAddress } from '../../proxies/config/process.ts'
import type { Upstream } from '../../proxies/http/cluster.ts'
import type { Exchange } from '../../proxies/http/exchange.ts'
import { dropSet } from '../../proxies/http/field-names.ts'
import { DEFAULT_LIMITS, type HttpLimits } from '../../proxies/http/limits.ts'
import { Pool } from '../../proxies/http/pool.ts'
import { OUTBOUND_RETRY } from '../../proxies/http/retry.ts'
import { serveHttp } from '../../proxies/http/serve.ts'
import type { ServerConnection } from '../../proxies/http/server-connection.ts'
import { Sweeper } from '../../proxies/http/sweeper.ts'

/** The engine alone, in this process, between plain sockets. */
export interface Engine {
  readonly address: SocketAddress
  readonly upstream: Upstream
  /** Finished requests in order. */
  readonly records: readonly Exchange[]
  /** Live connections from clients. */
  readonly connections: ReadonlySet<ServerConnection>
  /** Resolves when so many requests have finished. */
  recorded(count: number): Promise<readonly Exchange[]>
  close(): void
}

export async function startEngine(
  /** Writes bytes for every connection of the engine. */
  origin: (socket: net.Socket) => void,
  limits: Partial<HttpLimits> = {},
): Promise<Engine> {
  const all = { ...DEFAULT_LIMITS, ...limits }
  const sweeper = new Sweeper()
  const originSockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    originSockets.add(socket)
    socket.on('error', () => {})
    origin(socket)
  })
  const originAddress = await listen(server)
  const pool = new Pool({
    limits: all,
    sweeper,
    dial: async () => {
      const socket = net.connect({ ...originAddress, allowHalfOpen: true })
      await once(socket, 'connect')
      return socket
    },
  })
  const upstream: Upstream = { address: 'origin', pool, active: 0, series: undefined }
  const records: Exchange[] = []
  let wake = (): void => {}
  const connections = new Set<ServerConnection>()
  const front = net.createServer({ allowHalfOpen: true }, (socket) => {
    const connection = serveHttp(
      socket,
      {
        serverName: 'envoy',
        retry: OUTBOUND_RETRY,
        countAttempts: false,
        requestDrop: dropSet(),
        responseDrop: dropSet(),
        route: () => ({ cluster: { name: 'origin', upstreams: [upstream] } }),
        requestFields: () => '',
        responseFields: () => '',
        record: (exchange) => {
          records.push(exchange)
          wake()
        },
      },
      { limits: all, sweeper },
    )
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })
  return {
    address: await listen(front),
    upstream,
    records,
    connections,
    recorded: async (count) => {
      while (records.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return records
    },
    close: () => {
      front.close()
      server.close()
      pool.destroy()
      for (const socket of originSockets) socket.destroy()
      for (const connection of connections) connection.cut()
    },
  }
}

async function listen(server: net.Server): Promise<SocketAddress> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
}
