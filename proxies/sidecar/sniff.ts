import type { Socket } from 'node:net'
import { offersIstio } from '../http/alpn.ts'
import { DEFAULT_LIMITS } from '../http/limits.ts'
import { sniffClientHello } from './client-hello.ts'

export type FirstBytes = 'mesh-tls' | 'other-tls' | 'plaintext'

/** No honest hello is longer; what is goes on as plaintext and fails there. */
const HELLO_BYTES = 32 * 1024
/**
 * A client that waits for the server to speak is no TLS client
 * (https://istio.io/latest/docs/ops/deployment/application-requirements/#server-first-protocols).
 * One that has a sidecar is: only a busy machine keeps its hello back.
 */
export const SILENCE_MS = { stranger: 200, sidecar: 5_000 } as const
/** As long as a request head may take: a client that stays silent must not hold a socket for ever. */
const TIMEOUT_MS = DEFAULT_LIMITS.headTimeoutMs

/** Looks at what a client sends first and puts it back. */
export function sniff(
  socket: Socket,
  /** After so much silence it is the server's turn; undefined: never. */
  silenceMs: number | undefined,
  found: (first: FirstBytes) => void,
): void {
  const seen: Buffer[] = []
  let settled = false
  const settle = (first: FirstBytes): void => {
    if (settled) return
    settled = true
    clearTimeout(timeout)
    clearTimeout(silence)
    socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
    if (seen.length > 0) socket.unshift(Buffer.concat(seen))
    found(first)
  }
  const onReadable = (): void => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) seen.push(chunk)
    const bytes = seen.length === 1 ? seen[0] : Buffer.concat(seen)
    const sniffed = sniffClientHello(bytes ?? Buffer.alloc(0))
    if (sniffed.kind === 'tls') settle(offersIstio(sniffed.alpn) ? 'mesh-tls' : 'other-tls')
    else if (sniffed.kind === 'plaintext') settle('plaintext')
    else if ((bytes?.length ?? 0) > HELLO_BYTES) settle('plaintext')
  }
  const onEnd = (): void => {
    clearTimeout(timeout)
    clearTimeout(silence)
    socket.destroy()
  }
  const timeout = setTimeout(() => socket.destroy(), TIMEOUT_MS)
  // What came while this process was busy is read before the timer counts.
  const silent = (): void => {
    if (seen.length === 0 && !socket.destroyed) settle('plaintext')
  }
  const silence =
    silenceMs === undefined
      ? undefined
      : setTimeout(() => setImmediate(() => setImmediate(silent)), silenceMs)
  socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
}
