import { once } from 'node:events'
import net from 'node:net'
import type { SocketAddress } from '../../proxies/config/process.ts'
import type { Upstream } from '../../proxies/http/cluster.ts'
import type { ExchangeRecord } from '../../proxies/http/exchange-record.ts'
import { dropSet } from '../../proxies/http/field-names.ts'
import { Http2Pool } from '../../proxies/http/http2-pool.ts'
import { DEFAULT_LIMITS, type HttpLimits } from '../../proxies/http/limits.ts'
import { Pool } from '../../proxies/http/pool.ts'
import { OUTBOUND_RETRY } from '../../proxies/http/retry.ts'
import { serveHttp } from '../../proxies/http/serve.ts'
import { Sweeper } from '../../proxies/http/sweeper.ts'

/** The engine alone, in this process, between plain sockets. */
export interface Engine {
  readonly address: SocketAddress
  readonly upstream: Upstream
  /** Finished requests in order. */
  readonly records: readonly ExchangeRecord[]
  /** Live sockets of clients. */
  readonly connections: ReadonlySet<net.Socket>
  /** Resolves when so many requests have finished. */
  recorded(count: number): Promise<readonly ExchangeRecord[]>
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
  const options = {
    limits: all,
    sweeper,
    dial: async () => {
      const socket = net.connect({ ...originAddress, allowHalfOpen: true })
      await once(socket, 'connect')
      return socket
    },
  }
  const pool = new Pool(options)
  const http2 = new Http2Pool(options)
  const upstream: Upstream = { address: 'origin', pool, http2, active: 0, series: undefined }
  const records: ExchangeRecord[] = []
  let wake = (): void => {}
  const connections = new Set<net.Socket>()
  const front = net.createServer({ allowHalfOpen: true }, (socket) => {
    serveHttp(
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
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
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
      http2.destroy()
      for (const socket of originSockets) socket.destroy()
      for (const socket of connections) socket.destroy()
    },
  }
}

async function listen(server: net.Server): Promise<SocketAddress> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
}
