import type { ClientSessionOptions, ServerOptions } from 'node:http2'
import type { HttpLimits } from './limits.ts'

/** Requests of one client connection at a time; Envoy's default since 1.36. */
const MAX_STREAMS = 1_024
/** Per stream: what a receiver that does not read makes its proxy hold at most. */
const STREAM_WINDOW_BYTES = 256 * 1024
export const SESSION_WINDOW_BYTES = 1024 * 1024
/** node counts header and body bytes it holds for a session, in MB. */
const MAX_SESSION_MEMORY_MB = 64

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\n')

/** Made to be no valid head: https://www.rfc-editor.org/rfc/rfc9113#section-3.4 */
export function isHttp2Preface(bytes: Buffer): boolean {
  return bytes.length >= PREFACE.length && bytes.subarray(0, PREFACE.length).equals(PREFACE)
}

export function serverSettings({ headBytes }: HttpLimits): ServerOptions {
  return {
    settings: {
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: headBytes,
    },
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
  }
}

export function clientSettings({ headBytes }: HttpLimits): ClientSessionOptions {
  return {
    settings: {
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: headBytes,
      enablePush: false,
    },
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
  }
}
