import type { Duplex } from 'node:stream'
import type { MalformedMessage } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { HttpLimits } from './limits.ts'
import type { HttpRules } from './rules.ts'
import { ServerConnection } from './server-connection.ts'
import type { Sweeper } from './sweeper.ts'

export interface ServeOptions {
  readonly limits: HttpLimits
  readonly sweeper: Sweeper
  readonly onMalformed?: (error: MalformedMessage) => void
}

/** Proxies HTTP/1.1 from this byte stream by these rules until either side ends it. */
export function serveHttp(
  socket: Duplex,
  rules: HttpRules,
  options: ServeOptions,
): ServerConnection {
  return new ServerConnection(socket, {
    ...options,
    serverName: rules.serverName,
    onRequest: (connection, request) => new Exchange(connection, request, rules, options.limits),
  })
}
