import { MalformedMessage } from './errors.ts'
import { CONNECTION, EXPECT, HOST, KEEP_ALIVE, TE, UPGRADE } from './field-names.ts'
import { requestFraming, responseFraming } from './framing.ts'
import { connectionOptions, type RequestHead, type ResponseHead, SPAN } from './head.ts'
import type { HttpLimits } from './limits.ts'
import { scanRequest, scanStatus } from './parse-head.ts'
import { resolveTarget } from './target.ts'

/** A request head at this place, undefined when bytes are missing. Throws MalformedMessage. */
export function parseRequest(
  buffer: Buffer,
  from: number,
  limits: HttpLimits,
  http2 = false,
): RequestHead | undefined {
  const head = scanRequest(buffer, from, limits)
  if (head === undefined) return undefined
  const { text, spans, minor, method } = head
  let host: string | undefined
  let upgrade: string | undefined
  let hasConnection = false
  let expectsContinue = false
  let acceptsTrailers = false
  for (let i = 0; i < spans.length; i += SPAN) {
    switch (spans[i]) {
      case HOST:
        if (host !== undefined) throw new MalformedMessage('Host is given twice')
        host = text.slice(spans[i + 3], spans[i + 4])
        break
      case CONNECTION:
        hasConnection = true
        break
      case UPGRADE:
        upgrade = text.slice(spans[i + 3], spans[i + 4]).toLowerCase()
        break
      case EXPECT:
        expectsContinue = text.slice(spans[i + 3], spans[i + 4]).toLowerCase() === '100-continue'
        if (!expectsContinue) throw new MalformedMessage('an unknown expectation', 417)
        break
      case TE:
        acceptsTrailers ||= text.slice(spans[i + 3], spans[i + 4]).toLowerCase() === 'trailers'
        break
    }
  }
  if (!host && minor === 1) throw new MalformedMessage('Host is missing')
  const resolved = resolveTarget(method, head.target, host ?? '')
  const options = hasConnection ? connectionOptions(head) : undefined
  const { framing, contentLength } = requestFraming(head, method)
  return {
    text,
    spans,
    fieldsAt: head.fieldsAt,
    size: head.size,
    minor,
    http2,
    method,
    target: resolved.target,
    host: resolved.host,
    framing,
    contentLength,
    keepAlive: persists(minor, options),
    upgrade: options?.includes('upgrade') ? upgrade : undefined,
    expectsContinue: expectsContinue && minor === 1,
    acceptsTrailers,
    rewritten: minor === 0 || resolved.target !== head.target || resolved.host !== host,
  }
}

/** A response head; what follows it depends on the method it answers. */
export function parseResponse(
  buffer: Buffer,
  from: number,
  limits: HttpLimits,
  method: string,
): ResponseHead | undefined {
  const head = scanStatus(buffer, from, limits)
  if (head === undefined) return undefined
  const { text, spans, minor, status } = head
  let hasConnection = false
  let keepAliveSeconds: number | undefined
  for (let i = 0; i < spans.length; i += SPAN) {
    if (spans[i] === CONNECTION) hasConnection = true
    else if (spans[i] === KEEP_ALIVE) {
      const timeout = /(?:^|[ ,])timeout=(\d+)/i.exec(text.slice(spans[i + 3], spans[i + 4]))
      if (timeout !== null) keepAliveSeconds = Number(timeout[1])
    }
  }
  const options = hasConnection ? connectionOptions(head) : undefined
  const { framing, contentLength } = responseFraming(head, status, method)
  return {
    text,
    spans,
    fieldsAt: head.fieldsAt,
    size: head.size,
    minor,
    status,
    framing,
    contentLength,
    keepAlive: framing !== 'until-close' && persists(minor, options),
    keepAliveSeconds,
  }
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-9.3 */
function persists(minor: 0 | 1, options: readonly string[] | undefined): boolean {
  if (options === undefined) return minor === 1
  if (options.includes('close')) return false
  return minor === 1 || options.includes('keep-alive')
}
