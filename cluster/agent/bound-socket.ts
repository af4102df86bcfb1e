import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { AgentError } from './errors.ts'

/** A TCP socket bound to an address, not yet listening: what is sent to whoever serves it. */
export interface BoundSocket {
  readonly handle: unknown
  /** With the last owner gone, closing it makes the kernel refuse connections, queued ones too. */
  close(): void
}

interface TcpHandle {
  getsockname(out: object): number
  close(): void
}

// Public API only binds and listens in one go. Node's own cluster module shares sockets between
// processes with this function (lib/internal/cluster/shared_handle.js), exported since Node 0.8.
const { _createServerHandle: createServerHandle } = net as unknown as {
  _createServerHandle(host: string, port: number, family: 4 | 6): TcpHandle | number
}

export function bindSocket(host: string, port: number): BoundSocket {
  const handle = createServerHandle(host, port, 4)
  if (typeof handle === 'number') throw taken(host, port, handle)
  // libuv keeps "address in use" to itself until listen(), which the owner would then do on a socket
  // bound to nothing, that is to a random port of all addresses.
  const error = handle.getsockname({})
  if (error !== 0) {
    handle.close()
    throw taken(host, port, error)
  }
  return { handle, close: () => handle.close() }
}

function taken(host: string, port: number, errno: number): AgentError {
  const name = getSystemErrorName(errno)
  return new AgentError('SOCKET_TAKEN', `cannot bind ${host}:${port} (${name})`, {
    hint: `Another program may listen on port ${port} of all addresses: find it with "ss -ltnp" and stop it, or use another port`,
  })
}
