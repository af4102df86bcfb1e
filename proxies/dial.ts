import { connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import type { SocketAddress } from './config/process.ts'
import { errorCode, errorMessage, ProxyError } from './errors.ts'
import { CONNECT_TIMEOUT_MS, TCP_KEEPALIVE_MS } from './identity/client.ts'

/** See SOCKET_BUFFER_BYTES of the listeners: the same reason, the other side. */
const SOCKET_BUFFER_BYTES = 128 * 1024

/** A plain TCP connection, to an application or to a destination outside the mesh. */
export function dialTcp(
  address: SocketAddress,
  { timeoutMs = CONNECT_TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
): Promise<Socket> {
  const where = `${address.host}:${address.port}`
  return new Promise((resolve, reject) => {
    const socket = connect(connectOptions(address))
    const fail = (error: ProxyError): void => {
      clearTimeout(timer)
      socket.on('error', () => {}).destroy()
      reject(error)
    }
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
      clearTimeout(timer)
      socket.off('error', onError)
      resolve(socket)
    })
  })
}

function connectOptions({ host, port }: SocketAddress): TcpNetConnectOpts {
  const options = {
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEPALIVE_MS,
    highWaterMark: SOCKET_BUFFER_BYTES,
  }
  return options
}
