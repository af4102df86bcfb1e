import { COLON, CR, LF, SP, TAB, TARGET, TOKEN, VALUE } from './bytes.ts'
import { MalformedMessage } from './errors.ts'
import { HASH_MULTIPLIER, recognise } from './field-names.ts'
import type { Head } from './head.ts'
import type { HttpLimits } from './limits.ts'

/**
 * The hot path of the codec: one pass over the bytes of a head, no copy until it is known to be
 * whole, then one latin1 string that all later slices share. Returns undefined when bytes are
 * missing; the caller then gathers them (partial-head.ts) and parses again from the first byte.
 */
export interface RequestLine extends Head {
  readonly method: string
  readonly target: string
}

export interface StatusLine extends Head {
  readonly status: number
}

export function scanRequest(
  buffer: Buffer,
  from: number,
  limits: HttpLimits,
): RequestLine | undefined {
  const end = buffer.length
  let start = from
  // One empty line in front is ignored: https://www.rfc-editor.org/rfc/rfc9112#section-2.2
  if (start < end && buffer[start] === CR) {
    if (start + 1 === end) return undefined
    if (buffer[start + 1] !== LF) throw new MalformedMessage('a bare CR before the request line')
    start += 2
  }
  let at = start
  while (at < end && TOKEN[buffer[at] as number] !== 0) at++
  if (at === end) return incomplete(at - from, limits)
  if (buffer[at] !== SP || at === start) throw new MalformedMessage('the method is not a token')
  const methodEnd = at++
  while (at < end && TARGET[buffer[at] as number] !== 0) at++
  if (at === end) return incomplete(at - from, limits)
  if (buffer[at] !== SP || at === methodEnd + 1) {
    throw new MalformedMessage('the request target holds a character it may not')
  }
  const targetEnd = at++
  const minor = scanVersion(buffer, at)
  if (minor === undefined) return incomplete(at - from, limits)
  at += VERSION_BYTES
  if (at + 1 >= end) return incomplete(at - from, limits)
  if (buffer[at] !== CR || buffer[at + 1] !== LF) {
    throw new MalformedMessage('the request line does not end in CR LF')
  }
  const spans: number[] = []
  const stop = scanFields(buffer, at + 2, start, spans, limits)
  if (stop === 0) return incomplete(end - from, limits)
  if (stop - from > limits.headBytes) throw tooLarge(limits)
  const text = buffer.toString('latin1', start, stop)
  return {
    text,
    spans,
    fieldsAt: at + 2 - start,
    size: stop - from,
    minor,
    method: text.slice(0, methodEnd - start),
    target: text.slice(methodEnd + 1 - start, targetEnd - start),
  }
}

export function scanStatus(
  buffer: Buffer,
  from: number,
  limits: HttpLimits,
): StatusLine | undefined {
  const end = buffer.length
  const minor = scanVersion(buffer, from)
  if (minor === undefined) return incomplete(end - from, limits)
  let at = from + VERSION_BYTES
  if (at + 4 >= end) return incomplete(end - from, limits)
  const status = digit(buffer[at + 1]) * 100 + digit(buffer[at + 2]) * 10 + digit(buffer[at + 3])
  if (buffer[at] !== SP || !(status >= 100)) throw new MalformedMessage('no three-digit status')
  at += 4
  // The space before an empty reason is required, yet widely left out: read, and written anew.
  if (buffer[at] !== SP && buffer[at] !== CR) throw new MalformedMessage('no three-digit status')
  while (at < end && VALUE[buffer[at] as number] !== 0) at++
  if (at + 1 >= end) return incomplete(end - from, limits)
  if (buffer[at] !== CR || buffer[at + 1] !== LF) {
    throw new MalformedMessage('the status line does not end in CR LF')
  }
  const spans: number[] = []
  const stop = scanFields(buffer, at + 2, from, spans, limits)
  if (stop === 0) return incomplete(end - from, limits)
  if (stop - from > limits.headBytes) throw tooLarge(limits)
  const text = buffer.toString('latin1', from, stop)
  return { text, spans, fieldsAt: at + 2 - from, size: stop - from, minor, status }
}

/**
 * Field lines up to and including the empty line; header and trailer sections alike. Positions in
 * `spans` are relative to `base`. Returns where it stopped, or 0 when bytes are missing.
 */
export function scanFields(
  buffer: Buffer,
  from: number,
  base: number,
  spans: number[],
  limits: HttpLimits,
): number {
  const end = buffer.length
  let at = from
  let count = 0
  while (at < end) {
    if (buffer[at] === CR) {
      if (at + 1 === end) return 0
      if (buffer[at + 1] !== LF) throw new MalformedMessage('a bare CR in the header section')
      return at + 2
    }
    const lineStart = at
    let hash = 0
    while (at < end) {
      const lower = TOKEN[buffer[at] as number] as number
      if (lower === 0) break
      hash = (Math.imul(hash, HASH_MULTIPLIER) + lower) | 0
      at++
    }
    if (at === end) return 0
    // Also refuses obs-fold (a line starting with a blank) and blanks before the colon:
    // https://www.rfc-editor.org/rfc/rfc9112#section-5.1
    if (buffer[at] !== COLON || at === lineStart) {
      throw new MalformedMessage('a header field name is not a token followed by a colon')
    }
    const nameEnd = at++
    while (at < end && (buffer[at] === SP || buffer[at] === TAB)) at++
    const valueStart = at
    while (at < end && VALUE[buffer[at] as number] !== 0) at++
    if (at === end) return 0
    if (buffer[at] !== CR) throw new MalformedMessage('a control character in a header field')
    if (at + 1 === end) return 0
    if (buffer[at + 1] !== LF) throw new MalformedMessage('a bare CR in a header field')
    let valueEnd = at
    while (valueEnd > valueStart && isBlank(buffer[valueEnd - 1])) valueEnd--
    at += 2
    if (++count > limits.fields) throw tooLarge(limits)
    spans.push(
      recognise(hash, buffer, lineStart, nameEnd),
      lineStart - base,
      nameEnd - base,
      valueStart - base,
      valueEnd - base,
    )
  }
  return 0
}

const VERSION_BYTES = 8
const VERSION = Buffer.from('HTTP/1.')

/** `HTTP/1.0` or `HTTP/1.1` at this place; undefined when it is cut off. */
function scanVersion(buffer: Buffer, at: number): 0 | 1 | undefined {
  for (let i = 0; i < VERSION.length; i++) {
    if (at + i === buffer.length) return undefined
    if (buffer[at + i] === VERSION[i]) continue
    const other = i === 5 && digit(buffer[at + i]) >= 0
    throw new MalformedMessage('not an HTTP/1 message', other ? 505 : 400)
  }
  const last = buffer[at + VERSION.length]
  if (last === undefined) return undefined
  if (last === 0x31) return 1
  if (last === 0x30) return 0
  throw new MalformedMessage('not an HTTP/1.0 or HTTP/1.1 message', digit(last) >= 0 ? 505 : 400)
}

function digit(code: number | undefined): number {
  return code !== undefined && code >= 0x30 && code <= 0x39 ? code - 0x30 : Number.NaN
}

function isBlank(code: number | undefined): boolean {
  return code === SP || code === TAB
}

function incomplete(bytes: number, limits: HttpLimits): undefined {
  if (bytes > limits.headBytes) throw tooLarge(limits)
}

function tooLarge(limits: HttpLimits): MalformedMessage {
  return new MalformedMessage(
    `a header section of more than ${limits.headBytes} bytes or ${limits.fields} fields`,
    431,
  )
}
