import { connect, type Socket } from 'node:net'
import type { SocketAddress } from '../config/process.ts'
import { errorMessage, ProxyError } from '../errors.ts'
import { TCP_KEEPALIVE_MS } from '../identity/client.ts'

export interface TcpDialOptions {
  readonly address: SocketAddress
  readonly localAddress: string | undefined
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** A plain connection, for applications on this pod and endpoints outside the mesh. */
export function dialTcp(options: TcpDialOptions): Promise<Socket> {
  const { address, localAddress, timeoutMs, signal } = options
  const where = `${address.host}:${address.port}`
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...address,
      ...(localAddress === undefined ? {} : { localAddress }),
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_MS,
    })
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
    const onError = (cause: Error): void => {
      const message = `cannot connect to ${where}: ${errorMessage(cause)}`
      fail(new ProxyError('CONNECT_FAILED', message, { cause }))
    }
    const onAbort = (): void => fail(signal?.reason)
    const timer = setTimeout(
      () => fail(new ProxyError('CONNECT_TIMEOUT', `${where} did not answer in time`)),
      timeoutMs,
    )
    socket.on('error', onError)
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort)
  })
}
