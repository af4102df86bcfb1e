import type { EventEmitter } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { SocketCommand, SocketReport } from './sockets.ts'

/** The part of `process` that matters here; a test passes its own. */
export interface ParentChannel extends EventEmitter {
  send?: (message: SocketReport) => unknown
}

export interface SocketActivation {
  /** Stops accepting on every socket received; connections live on. */
  unlistenAll(): void
}

/**
 * The application's end of the protocol in sockets.ts. Connections accepted on a socket received from
 * the parent are given to `server` (an http.Server that may listen elsewhere as well) as if it had
 * accepted them itself.
 *
 * A handle belongs to exactly one net.Server here, so that `unlisten` stops one socket and no other.
 * The parent keeps its own copy: connections still in the kernel's queue are for the next owner.
 */
export function activateSockets(server: EventEmitter, parent: ParentChannel): SocketActivation {
  const listeners = new Map<string, Server>()
  const report = (message: SocketReport): void => void parent.send?.(message)

  const listen = (id: string, handle: unknown): void => {
    if (handle === undefined || handle === null) {
      report({ type: 'failed', id, message: 'no socket came with the message' })
      return
    }
    // As http.Server sets up its own: half-open so that an answer may follow the client's FIN.
    const listener = createServer({ allowHalfOpen: true, noDelay: true })
    listener.on('connection', (socket) => server.emit('connection', socket))
    listener.once('error', (error) => {
      listeners.delete(id)
      report({ type: 'failed', id, message: error.message })
    })
    listener.once('listening', () => report({ type: 'listening', id }))
    listeners.get(id)?.close()
    listeners.set(id, listener)
    listener.listen(handle)
  }

  const unlisten = (id: string): void => {
    // close() stops accepting at once and calls back only when the last connection has ended.
    listeners.get(id)?.close()
    listeners.delete(id)
    report({ type: 'unlistened', id })
  }

  parent.on('message', (message: SocketCommand, handle: unknown) => {
    if (message?.type === 'listen') listen(message.id, handle)
    if (message?.type === 'unlisten') unlisten(message.id)
  })

  return {
    unlistenAll: () => {
      for (const listener of listeners.values()) listener.close()
      listeners.clear()
    },
  }
}
