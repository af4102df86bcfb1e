/**
 * A message that breaks RFC 9110 or RFC 9112. Strictness is the defence against request smuggling:
 * what two parsers could read differently is refused, never repaired
 * (https://www.rfc-editor.org/rfc/rfc9112#section-11.2).
 */
export class MalformedMessage extends Error {
  readonly code = 'HTTP_MALFORMED_MESSAGE'
  readonly exitCode = 70
  /** What a client that sent it is answered. */
  readonly status: number
  readonly hint: string

  constructor(message: string, status = 400) {
    super(message)
    this.name = 'MalformedMessage'
    this.status = status
    this.hint =
      status === 431
        ? 'Send fewer or shorter header fields; the limits are in proxies/http/limits.ts.'
        : 'Fix the peer that sent this message; it is refused so that it cannot be read two ways.'
  }
}
