import { CONNECTION, NOMINATED } from './field-names.ts'

/** How a body's end is found (RFC 9112 section 6.3). */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close'

/**
 * The head of one message as it came, and where its parts are. `text` holds start line, fields and
 * the final empty line; `spans` has `SPAN` numbers per field, in order: field id, where its line
 * starts, where its name ends, where its value starts and ends. Forwarding copies ranges of `text`,
 * so names keep their case and untouched lines cost nothing.
 */
export interface Head {
  readonly text: string
  readonly spans: number[]
  /** Where the first field line starts. */
  readonly fieldsAt: number
  /** Bytes used up, including an ignored empty line in front. */
  readonly size: number
  /** HTTP/1.0 or HTTP/1.1. */
  readonly minor: 0 | 1
}

export const SPAN = 5

export interface RequestHead extends Head {
  readonly method: string
  /** It came in HTTP/2 and is written here as HTTP/1.1 would have it. */
  readonly http2: boolean
  /** Origin form, absolute form (turned into origin form), `*`, or CONNECT's authority. */
  readonly target: string
  readonly host: string
  readonly framing: Framing
  readonly contentLength: number
  readonly keepAlive: boolean
  /** The protocol asked for with `Connection: upgrade`, in lower case. */
  readonly upgrade: string | undefined
  readonly expectsContinue: boolean
  readonly acceptsTrailers: boolean
  /** `target` or `host` differ from the text, so the start line and Host are written anew. */
  readonly rewritten: boolean
}

export interface ResponseHead extends Head {
  readonly status: number
  readonly framing: Framing
  readonly contentLength: number
  readonly keepAlive: boolean
  /** Seconds from `Keep-Alive: timeout=`, after which the server closes an idle connection. */
  readonly keepAliveSeconds: number | undefined
}

/** The first field with this id, or undefined. */
export function fieldValue(head: Head, id: number): string | undefined {
  const { spans } = head
  for (let i = 0; i < spans.length; i += SPAN) {
    if (spans[i] === id) return head.text.slice(spans[i + 3], spans[i + 4])
  }
  return undefined
}

/** Any field by its lower-case name; for rules and tests, not for the hot path. */
export function field(head: Head, name: string): string | undefined {
  const found = fields(head).filter(([key]) => key.toLowerCase() === name)
  return found.length === 0 ? undefined : found.map(([, value]) => value).join(', ')
}

export function fields(head: Head): readonly (readonly [string, string])[] {
  const { text, spans } = head
  const all: [string, string][] = []
  for (let i = 0; i < spans.length; i += SPAN) {
    all.push([text.slice(spans[i + 1], spans[i + 2]), text.slice(spans[i + 3], spans[i + 4])])
  }
  return all
}

/**
 * The tokens of all Connection fields, in lower case. Fields they name end here; those that carry
 * routing, framing or identity are never taken away on a client's word.
 */
export function connectionOptions(head: Head): readonly string[] {
  const { text, spans } = head
  const options: string[] = []
  for (let i = 0; i < spans.length; i += SPAN) {
    if (spans[i] !== CONNECTION) continue
    for (const option of text.slice(spans[i + 3], spans[i + 4]).split(',')) {
      options.push(option.trim().toLowerCase())
    }
  }
  const nominated = options.filter((option) => option !== 'close' && option !== 'keep-alive')
  if (nominated.length > 0) {
    for (let i = 0; i < spans.length; i += SPAN) {
      if (spans[i] !== 0) continue
      const name = text.slice(spans[i + 1], spans[i + 2]).toLowerCase()
      if (nominated.includes(name)) spans[i] = NOMINATED
    }
  }
  return options
}
