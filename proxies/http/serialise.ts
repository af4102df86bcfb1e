import { CONTENT_LENGTH, type DropSet, HOST } from './field-names.ts'
import { type Head, type RequestHead, type ResponseHead, SPAN } from './head.ts'

/**
 * The part of a head that is forwarded, without the final empty line: unbroken runs of lines are
 * copied as one range of the original text. `from` is where the first run starts.
 */
function keptLines(head: Head, drop: DropSet, from: number, alsoDrop: number): string {
  const { text, spans } = head
  let out = ''
  let run = from
  for (let i = 0; i < spans.length; i += SPAN) {
    const id = spans[i] as number
    if (drop[id] === 0 && id !== alsoDrop) continue
    const lineStart = spans[i + 1] as number
    if (run < lineStart) out += text.slice(run, lineStart)
    run = lineEnd(head, i)
  }
  const end = text.length - 2
  return run < end ? out + text.slice(run, end) : out
}

function lineEnd(head: Head, span: number): number {
  return head.spans[span + SPAN + 1] ?? head.text.length - 2
}

const NO_FIELD = -1

/** `extra` are whole lines to add. The caller appends what changes per attempt and the empty line. */
export function requestLines(head: RequestHead, drop: DropSet, extra: string): string {
  const start = head.rewritten
    ? `${head.method} ${head.target} HTTP/1.1\r\nhost: ${head.host}\r\n`
    : ''
  const from = head.rewritten ? head.fieldsAt : 0
  const dropped = head.rewritten ? HOST : NO_FIELD
  let lines = start + keptLines(head, drop, from, dropped) + extra
  if (head.framing === 'chunked') lines += 'transfer-encoding: chunked\r\n'
  if (head.acceptsTrailers) lines += 'te: trailers\r\n'
  return lines
}

/** How a response travels on, which need not be how it came. */
export type ResponseEncoding = 'none' | 'length' | 'chunked' | 'until-close'

export function responseEncoding(head: ResponseHead, clientMinor: 0 | 1): ResponseEncoding {
  if (head.framing === 'none' || head.framing === 'length') return head.framing
  return clientMinor === 1 ? 'chunked' : 'until-close'
}

export function responseLines(
  head: ResponseHead,
  drop: DropSet,
  encoding: ResponseEncoding,
  extra: string,
): string {
  // A length on 1xx or 204 means nothing to us but may to others (RFC 9110 section 8.6).
  const lengthless = head.status < 200 || head.status === 204
  const dropped = lengthless || encoding === 'chunked' ? CONTENT_LENGTH : NO_FIELD
  const reusable = head.minor === 1 && head.text.charCodeAt(STATUS_END) === 0x20
  const start = reusable ? '' : `HTTP/1.1 ${head.status} ${reason(head)}\r\n`
  const lines = start + keptLines(head, drop, reusable ? 0 : head.fieldsAt, dropped) + extra
  return encoding === 'chunked' ? `${lines}transfer-encoding: chunked\r\n` : lines
}

const STATUS_END = 'HTTP/1.1 200'.length

function reason(head: ResponseHead): string {
  return head.text.slice(STATUS_END, head.fieldsAt - 2).trim()
}
