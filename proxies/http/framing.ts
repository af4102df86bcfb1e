import { MalformedMessage } from './errors.ts'
import { CONTENT_LENGTH, TRANSFER_ENCODING } from './field-names.ts'
import { type Framing, type Head, SPAN } from './head.ts'

export interface DeclaredFraming {
  readonly framing: Framing
  readonly contentLength: number
}

const NO_BODY: DeclaredFraming = { framing: 'none', contentLength: 0 }
const CHUNKED: DeclaredFraming = { framing: 'chunked', contentLength: 0 }

/**
 * What the fields say about the body, if anything. Everything that two parsers might read
 * differently is refused: both fields at once, either of them twice, any coding besides chunked.
 * https://www.rfc-editor.org/rfc/rfc9112#section-6.3
 */
export function declaredFraming(head: Head): DeclaredFraming | undefined {
  const { text, spans, minor } = head
  let length: string | undefined
  let coding: string | undefined
  for (let i = 0; i < spans.length; i += SPAN) {
    if (spans[i] === CONTENT_LENGTH) {
      if (length !== undefined) throw new MalformedMessage('Content-Length is given twice')
      const end = spans[i + 4] as number
      length = text.slice(spans[i + 3], end)
      // Legal, but node's own parser refuses it, and the line would travel on as it came.
      if (text.slice(end, text.indexOf('\r', end)).includes('\t')) {
        throw new MalformedMessage('a tab follows Content-Length')
      }
    } else if (spans[i] === TRANSFER_ENCODING) {
      if (coding !== undefined) throw new MalformedMessage('Transfer-Encoding is given twice')
      coding = text.slice(spans[i + 3], spans[i + 4]).toLowerCase()
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) {
      throw new MalformedMessage('both Content-Length and Transfer-Encoding are given')
    }
    if (minor === 0) throw new MalformedMessage('Transfer-Encoding in an HTTP/1.0 message')
    if (coding === 'chunked') return CHUNKED
    // A known last coding of chunked would be legal, but no proxy here could re-frame the rest.
    throw new MalformedMessage(
      `the transfer coding ${JSON.stringify(coding)} is not supported`,
      /^[a-z-]+ *, *chunked$/.test(coding) && !coding.startsWith('chunked') ? 501 : 400,
    )
  }
  if (length === undefined) return undefined
  if (!/^\d{1,15}$/.test(length)) throw new MalformedMessage('Content-Length is not a number')
  const contentLength = Number(length)
  return contentLength === 0 ? NO_BODY : { framing: 'length', contentLength }
}

export function requestFraming(head: Head, method: string): DeclaredFraming {
  const declared = declaredFraming(head)
  if (method === 'CONNECT' && declared !== undefined) {
    throw new MalformedMessage('CONNECT has no body, yet a length or coding is given')
  }
  return declared ?? NO_BODY
}

const UNTIL_CLOSE: DeclaredFraming = { framing: 'until-close', contentLength: 0 }

export function responseFraming(head: Head, status: number, method: string): DeclaredFraming {
  const declared = declaredFraming(head)
  if (status < 200 || status === 204 || status === 304 || method === 'HEAD') return NO_BODY
  if (method === 'CONNECT' && status < 300) return NO_BODY
  return declared ?? UNTIL_CLOSE
}
