import type { ClientHttp2Session } from 'node:http2'
import { errorCode, ProxyError } from '../errors.ts'

export interface GreetingHandler {
  readonly greeted: () => void
  /** The session has ended; never called after `greeted`. */
  readonly failed: (error: ProxyError) => void
}

/**
 * Waits for the SETTINGS that a server of HTTP/2 begins with. One that speaks HTTP/1.1 only answers the
 * client's preface with something else or closes: another connection would end the same way.
 */
export function awaitGreeting(
  http2: ClientHttp2Session,
  { greeted, failed }: GreetingHandler,
): void {
  let breach: Error | undefined
  const erred = (error: Error): void => {
    breach = error
  }
  const closed = (): void => {
    const message = `the server did not answer in HTTP/2: ${breach?.message ?? 'it closed'}`
    const isProtocol = errorCode(breach) === 'ERR_HTTP2_ERROR'
    failed(new ProxyError(isProtocol ? 'UPSTREAM_PROTOCOL' : 'CONNECT_FAILED', message))
  }
  http2.once('error', erred)
  http2.once('close', closed)
  http2.once('remoteSettings', () => {
    http2.off('error', erred).off('close', closed)
    greeted()
  })
}
