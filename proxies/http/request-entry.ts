import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { errorMessage } from '../errors.ts'
import type { AccessEntry } from '../telemetry/access/entry.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import { field } from './head.ts'

/** What is known of a request by where it arrived; addresses are `ip:port`. */
export interface ArrivalFacts {
  /** Whom the client asked for. */
  readonly downstreamLocal: string
  readonly downstreamRemote: string | undefined
  /** Where all requests go, when that has another name than its address. */
  readonly upstreamHost?: string
}

/** One finished request in the words of the access log. */
export function requestEntry(exchange: ExchangeRecord, facts: ArrivalFacts): AccessEntry {
  const { request, lines, plan, connection, responseHeadBytes, target } = exchange
  const failure = transportFailure(exchange.failure)
  const answered = responseHeadBytes > 0
  return {
    startMs: Date.now() - (performance.now() - exchange.startedMs),
    request: {
      method: request.method,
      path: request.target,
      authority: request.host,
      protocol: request.http2 ? 'HTTP/2' : `HTTP/1.${request.minor}`,
      header: (name) => field(request, name) ?? added(lines, name),
    },
    status: exchange.status,
    flags: exchange.flags,
    details: detailsOf(exchange, failure),
    terminationDetails: undefined,
    transportFailure: answered ? undefined : failure,
    receivedBytes: exchange.requestBytes - request.text.length,
    sentBytes: exchange.responseBytes - responseHeadBytes,
    durationMs: exchange.durationMs,
    upstreamServiceMs: answered ? exchange.upstreamServiceMs : undefined,
    grpcStatus: exchange.grpcStatus,
    upstreamHost: target && (facts.upstreamHost ?? target.address),
    upstreamCluster: plan.cluster.name || undefined,
    upstreamLocal: connection && localAddressOf(connection.socket),
    downstreamLocal: facts.downstreamLocal,
    downstreamRemote: facts.downstreamRemote,
    routeName: plan.routeName,
  }
}

/** `x-request-id` was made here if the client sent none. */
function added(lines: string, name: string): string | undefined {
  if (name !== 'x-request-id') return undefined
  return /\r\nx-request-id: ([^\r]+)\r\n/.exec(lines)?.[1]
}

/** Envoy's, https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details */
function detailsOf(
  { reply, flags, responseHeadBytes }: ExchangeRecord,
  failure: string | undefined,
): string | undefined {
  if (reply !== undefined) {
    if (reply.details !== undefined) return reply.details
    const [, reason] = /reset reason: (.*)$/.exec(reply.body) ?? []
    if (reason === undefined) return 'direct_response'
    const because = failure !== undefined && flags.startsWith('UF') ? `|${failure}` : ''
    return `upstream_reset_before_response_started{${underscored(reason)}${because}}`
  }
  switch (flags) {
    case 'DC':
      return 'downstream_remote_disconnect'
    case 'UC':
      return 'upstream_reset_after_response_started{connection_termination}'
    case 'UPE':
      return 'upstream_reset_after_response_started{protocol_error}'
    case 'UT':
      return 'response_timeout'
    default:
      return responseHeadBytes > 0 ? 'via_upstream' : undefined
  }
}

export function transportFailure(error: unknown): string | undefined {
  return error === undefined ? undefined : underscored(errorMessage(error))
}

function underscored(text: string): string {
  return text.replace(/\s+/g, '_')
}

/** Undefined for a stream inside a tunnel, which has none of its own. */
export function localAddressOf(socket: Duplex): string | undefined {
  return address(socket, 'localAddress', 'localPort')
}

/** node remembers it once it was asked for: ask while the socket is open. */
export function remoteAddressOf(socket: Duplex): string | undefined {
  return address(socket, 'remoteAddress', 'remotePort')
}

function address(socket: Duplex, host: string, port: string): string | undefined {
  const ip: unknown = Reflect.get(socket, host)
  const number: unknown = Reflect.get(socket, port)
  return typeof ip === 'string' && typeof number === 'number' ? `${ip}:${number}` : undefined
}
