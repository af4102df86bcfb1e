import { STATUS_CODES } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http2'
import { MalformedMessage } from './errors.ts'
import { type RequestHead, type ResponseHead, SPAN } from './head.ts'
import type { HttpLimits } from './limits.ts'
import { parseRequest, parseResponse } from './parse-message.ts'

/**
 * HTTP/2 fields as the lines of HTTP/1.1 and back, so that everything between the two connections
 * is written once. What comes in passes the strict parser like any other message.
 */

/** Names and values in turn, as node hands them over beside its own object, which merges some. */
export type RawFields = readonly string[]

/** Fields of one connection: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2 */
const CONNECTION_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

interface Lines {
  readonly pseudo: ReadonlyMap<string, string>
  readonly text: string
  readonly count: number
  readonly hasLength: boolean
}

function linesOf(raw: RawFields): Lines {
  const pseudo = new Map<string, string>()
  let text = ''
  let count = 0
  let cookies = ''
  let hasLength = false
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (name.startsWith(':')) pseudo.set(name, value)
    else if (CONNECTION_FIELDS.has(name)) {
      throw new MalformedMessage(`the field ${name} has no place in HTTP/2`)
    } else if (name === 'cookie') cookies += cookies === '' ? value : `; ${value}`
    else if (name !== 'host' || !pseudo.has(':authority')) {
      hasLength ||= name === 'content-length'
      text += `${name}: ${value}\r\n`
      count += 1
    }
  }
  if (cookies === '') return { pseudo, text, count, hasLength }
  return { pseudo, text: `${text}cookie: ${cookies}\r\n`, count: count + 1, hasLength }
}

export function requestHead(raw: RawFields, endStream: boolean, limits: HttpLimits): RequestHead {
  const { pseudo, text, count, hasLength } = linesOf(raw)
  const method = pseudo.get(':method') ?? ''
  const path = pseudo.get(':path') ?? ''
  if (method === 'CONNECT') throw new MalformedMessage('CONNECT is not served in HTTP/2', 405)
  const authority = pseudo.get(':authority')
  let lines = authority === undefined ? '' : `host: ${authority}\r\n`
  let fields = authority === undefined ? count : count + 1
  lines += text
  if (!endStream && !hasLength) {
    lines += 'transfer-encoding: chunked\r\n'
    fields += 1
  }
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines}\r\n`, 'latin1')
  const head = parseRequest(bytes, 0, limits, true)
  // A line end hidden in a value would make more fields of it, or end the head.
  if (head?.size !== bytes.length || head.spans.length !== fields * SPAN) {
    throw new MalformedMessage('a field holds a character it may not')
  }
  return head
}

export function responseHead(
  raw: RawFields,
  endStream: boolean,
  limits: HttpLimits,
  method: string,
): ResponseHead {
  const { pseudo, text, count, hasLength } = linesOf(raw)
  const status = Number(pseudo.get(':status'))
  const interim = status < 200
  const bodiless = interim || status === 204 || status === 304 || method === 'HEAD'
  // In HTTP/2 the end of the stream is enough; lines have to say it.
  const framing =
    bodiless || hasLength
      ? ''
      : endStream
        ? 'content-length: 0\r\n'
        : 'transfer-encoding: chunked\r\n'
  const start = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  const bytes = Buffer.from(`${start}${text}${framing}\r\n`, 'latin1')
  const head = parseResponse(bytes, 0, limits, method)
  const fields = framing === '' ? count : count + 1
  if (head?.size !== bytes.length || head.spans.length !== fields * SPAN) {
    throw new MalformedMessage('a field holds a character it may not')
  }
  return head
}

export function trailerLines(raw: RawFields): string {
  return linesOf(raw).text
}

type Mutable = Record<string, string | string[] | number>

/** Field lines without a start line. */
export function headersOfLines(lines: string): Mutable {
  const headers: Mutable = Object.create(null)
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const name = line.slice(0, colon).toLowerCase()
    if (CONNECTION_FIELDS.has(name)) continue
    const value = line.slice(colon + 1).trim()
    const held = headers[name]
    if (held === undefined) headers[name] = value
    else headers[name] = Array.isArray(held) ? [...held, value] : [String(held), value]
  }
  return headers
}

export function requestHeaders(lines: string): OutgoingHttpHeaders {
  const startEnd = lines.indexOf('\r\n')
  const [method = '', path = ''] = lines.slice(0, startEnd).split(' ')
  const { host, ...fields } = headersOfLines(lines.slice(startEnd + 2))
  return {
    ':method': method,
    ':scheme': 'http',
    ':authority': String(host ?? ''),
    ':path': path,
    ...fields,
  }
}

export function responseHeaders(lines: string): OutgoingHttpHeaders {
  const startEnd = lines.indexOf('\r\n')
  const status = Number(lines.slice('HTTP/1.1 '.length, startEnd).slice(0, 3))
  return { ':status': status, ...headersOfLines(lines.slice(startEnd + 2)) }
}
