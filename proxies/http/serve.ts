import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { MalformedMessage } from './errors.ts'
import { Exchange } from './exchange.ts'
import { serveHttp2 } from './http2-server.ts'
import type { HttpLimits } from './limits.ts'
import type { HttpRules } from './rules.ts'
import { ServerConnection } from './server-connection.ts'
import type { Sweeper } from './sweeper.ts'

export interface ServeOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  readonly onMalformed?: (error: MalformedMessage) => void
}

/** A client's connection. Both may be called at any time, more than once. */
export interface Served {
  drain(): void
  cut(): void
}

/**
 * Proxies HTTP from this byte stream by these rules until either side ends it: in HTTP/2 to a client
 * that agreed on it in TLS, or starts with its preface in plaintext.
 */
export function serveHttp(socket: Duplex, rules: HttpRules, options: ServeOptions): Served {
  if (socket instanceof TLSSocket && socket.alpnProtocol === 'h2') {
    return serveHttp2(socket, rules, options)
  }
  let served: Served
  const onHttp2 = (): void => {
    served = serveHttp2(socket, rules, options)
  }
  served = new ServerConnection(socket, {
    ...options,
    serverName: rules.serverName,
    onRequest: (connection, request) => new Exchange(connection, request, rules, options.limits),
    // node's codec cannot take over a TLS socket that was read before: it aborts the process.
    ...(socket instanceof TLSSocket ? {} : { onHttp2 }),
  })
  return { drain: () => served.drain(), cut: () => served.cut() }
}
