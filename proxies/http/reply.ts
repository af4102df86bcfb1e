import { STATUS_CODES } from 'node:http'
import type { Downstream } from './codec.ts'

/** An answer the proxy gives itself, in Envoy's words. */
export interface Reply {
  readonly status: number
  readonly body: string
  /** Further whole lines of its head. */
  readonly lines?: string
  readonly grpcStatus?: string
  /** Envoy's response flags for metrics and log. */
  readonly flags: string
  /** Why, in the access log's words. */
  readonly details?: string
}

const RESET = 'upstream connect error or disconnect/reset before headers. reset reason: '

export const replies = {
  noHealthyUpstream: {
    status: 503,
    body: 'no healthy upstream',
    flags: 'UH',
    details: 'no_healthy_upstream',
  },
  connectFailure: { status: 503, body: `${RESET}remote connection failure`, flags: 'UF' },
  connectTimeout: { status: 503, body: `${RESET}connection timeout`, flags: 'UF' },
  connectionTermination: { status: 503, body: `${RESET}connection termination`, flags: 'UC' },
  protocolError: { status: 502, body: `${RESET}protocol error`, flags: 'UPE' },
  overflow: {
    status: 503,
    body: `${RESET}overflow`,
    flags: 'UO',
    lines: 'x-envoy-overloaded: true\r\n',
  },
  internalError: { status: 500, body: '', flags: '-' },
  timeout: {
    status: 504,
    body: 'upstream request timeout',
    flags: 'UT',
    details: 'response_timeout',
  },
  noRoute: { status: 404, body: '', flags: 'NR', details: 'route_not_found' },
} as const satisfies Record<string, Reply>

/** Head lines of a reply, without the final empty line. */
export function replyLines(status: number, body: string, server: string): string {
  const type = body === '' ? '' : 'content-type: text/plain\r\n'
  const date = new Date().toUTCString()
  const reason = STATUS_CODES[status] ?? ''
  return `HTTP/1.1 ${status} ${reason}\r\ncontent-length: ${body.length}\r\n${type}date: ${date}\r\nserver: ${server}\r\n`
}

export interface ReplyOptions {
  readonly server: string
  /** The request's method lets an answer have no body. */
  readonly bodiless: boolean
  readonly close: boolean
}

export function sendReply(
  downstream: Downstream,
  { status, body, lines = '' }: Reply,
  { server, bodiless, close }: ReplyOptions,
): void {
  const encoding = bodiless || body === '' ? 'none' : 'length'
  downstream.sendHead(replyLines(status, body, server) + lines, encoding, close)
  if (encoding === 'length') downstream.sendData(Buffer.from(body, 'latin1'), 0, body.length)
  downstream.sendEnd('')
}
