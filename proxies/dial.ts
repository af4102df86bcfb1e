import { connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import type { SocketAddress } from './config/process.ts'
import { errorCode, errorMessage, ProxyError } from './errors.ts'
import { CONNECT_TIMEOUT_MS, TCP_KEEPALIVE_MS } from './identity/client.ts'

/** See SOCKET_BUFFER_BYTES of the listeners: the same reason, the other side. */
const SOCKET_BUFFER_BYTES = 128 * 1024

export interface TcpDialOptions {
  /** Source address to bind. */
  readonly localAddress?: string
  /** @default CONNECT_TIMEOUT_MS */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A plain TCP connection, to an application or to a destination outside the mesh. */
export function dialTcp(
  address: SocketAddress,
  { localAddress, timeoutMs = CONNECT_TIMEOUT_MS, signal }: TcpDialOptions = {},
): Promise<Socket> {
  const where = `${address.host}:${address.port}`
  return new Promise((resolve, reject) => {
    const socket = connect(connectOptions(address, localAddress))
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.off('error', onError)
    }
    const fail = (error: unknown): void => {
      settle()
      socket.on('error', () => {}).destroy()
      reject(error)
    }
    const onAbort = (): void => fail(signal?.reason)
    const timer = setTimeout(
      // Without a tunnel there is no port 15008 to suspect: ztunnel flags this CONNECT too.
      () => fail(new ProxyError('CONNECT_FAILED', `${where} did not answer in time`)),
      timeoutMs,
    )
    const onError = (cause: Error): void => {
      const reason =
        errorCode(cause) === 'ECONNREFUSED' ? 'connection refused' : errorMessage(cause)
      fail(new ProxyError('CONNECT_FAILED', `${where}: ${reason}`, { cause }))
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort)
  })
}

function connectOptions(
  { host, port }: SocketAddress,
  localAddress: string | undefined,
): TcpNetConnectOpts {
  const options = {
    host,
    port,
    ...(localAddress ? { localAddress } : {}),
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEPALIVE_MS,
    highWaterMark: SOCKET_BUFFER_BYTES,
  }
  return options
}
