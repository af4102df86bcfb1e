import type { TunnelStream } from '../hbone/wire/tunnel-stream.ts'
import { isHttp2Preface } from '../http/http2-settings.ts'

/** `METHOD SP target`. */
const REQUEST_LINE = /^[A-Z][A-Z-]* (?:\/|\*|[a-z])/
const MAYBE_REQUEST_LINE = /^[A-Z][A-Z-]* ?$/
/** No registered method is longer; HTTP/2's preface has as many bytes. */
const ENOUGH = 24

/**
 * Whether a client speaks HTTP, by what it sends first; that is put back. Like Envoy's inspector it waits
 * for as long as that takes: where the server speaks first, a Service has to say that it is TCP. A client
 * that ends without a byte is let go.
 */
export function sniffHttp(stream: TunnelStream, found: (http: boolean) => void): void {
  let seen = Buffer.alloc(0)
  const settle = (http: boolean): void => {
    stream.off('readable', onReadable).off('end', onEnd)
    if (seen.length > 0) stream.unshift(seen)
    found(http)
  }
  const onReadable = (): void => {
    // To the last byte, but not to the end: what has ended takes nothing back.
    if (stream.readableLength > 0) {
      const chunk = stream.read(stream.readableLength) as Buffer | null
      if (chunk !== null) seen = Buffer.concat([seen, chunk])
    }
    if (seen.length === 0) {
      if (stream.remoteEnded) onEnd()
      return
    }
    const start = seen.toString('latin1', 0, ENOUGH)
    if (isHttp2Preface(seen) || (REQUEST_LINE.test(start) && !start.startsWith('PRI '))) {
      settle(true)
    } else if (seen.length >= ENOUGH || stream.remoteEnded || !isOpen(start)) settle(false)
  }
  const onEnd = (): void => void stream.destroy()
  stream.on('readable', onReadable).on('end', onEnd)
}

function isOpen(start: string): boolean {
  return MAYBE_REQUEST_LINE.test(start) || start.startsWith('PRI * HTTP')
}
