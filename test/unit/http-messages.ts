import { BodyDecoder } from '../../proxies/http/body.ts'
import { MalformedMessage } from '../../proxies/http/errors.ts'
import type { Head } from '../../proxies/http/head.ts'
import { fields } from '../../proxies/http/head.ts'
import { DEFAULT_LIMITS } from '../../proxies/http/limits.ts'
import { parseRequest, parseResponse } from '../../proxies/http/parse-message.ts'
import { PartialHead } from '../../proxies/http/partial-head.ts'

export interface ReadMessage {
  readonly head: Record<string, unknown>
  readonly body: string
  readonly trailers: string | undefined
  readonly rest: string
}

/** Reads one message from pieces exactly as a connection does; undefined when it never ends. */
export function readMessage(pieces: readonly Buffer[], answers?: string): ReadMessage | undefined {
  const limits = DEFAULT_LIMITS
  const parse = (bytes: Buffer) =>
    answers === undefined
      ? parseRequest(bytes, 0, limits)
      : parseResponse(bytes, 0, limits, answers)
  const body: Buffer[] = []
  let trailers: string | undefined
  const sink = {
    data: (chunk: Buffer, start: number, end: number) => void body.push(chunk.subarray(start, end)),
    end: (lines: string) => {
      trailers = lines
    },
  }
  const decoder = new BodyDecoder(limits)
  let partial: PartialHead | undefined
  let head: ReturnType<typeof parse>
  let rest = Buffer.alloc(0)
  for (const piece of pieces) {
    let chunk: Buffer | undefined = piece
    let at = 0
    if (head === undefined) {
      if (partial !== undefined) chunk = partial.add(piece, 0)
      if (chunk === undefined) continue
      head = parse(chunk)
      if (head === undefined) {
        partial = new PartialHead(limits)
        partial.add(chunk, 0)
        continue
      }
      at = head.size
      decoder.start(head.framing, head.contentLength)
    }
    if (!decoder.done) at = decoder.push(chunk, at, sink)
    if (decoder.done) rest = Buffer.concat([rest, chunk.subarray(at)])
  }
  if (head === undefined) return undefined
  if (!decoder.done && !decoder.finish(sink)) return undefined
  const { text: _, spans: __, size: ___, fieldsAt: ____, ...facts } = head
  return {
    head: { ...facts, fields: fields(head as Head) },
    body: Buffer.concat(body).toString('latin1'),
    trailers,
    rest: rest.toString('latin1'),
  }
}

export function statusOf(text: string, answers?: string): number | 'incomplete' | 'accepted' {
  try {
    return readMessage([Buffer.from(text, 'latin1')], answers) ? 'accepted' : 'incomplete'
  } catch (error) {
    if (error instanceof MalformedMessage) return error.status
    throw error
  }
}

/** Lines joined by CR LF with the empty line at the end. */
export function lines(...all: readonly string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`
}
