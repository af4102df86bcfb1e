import { createServer, type Server, type Socket } from 'node:net'
import { createStore, farewell, greeting } from './protocol.ts'

export interface StoreServer {
  readonly server: Server
  /** Says goodbye on every connection; new ones are turned away the same way. */
  startDraining(): void
}

/** Far above any line of the protocol; a peer that sends no line end is not one of ours. */
const longestLineBytes = 8_192

export function createStoreServer(): StoreServer {
  const store = createStore()
  const open = new Set<Socket>()
  let draining = false

  const converse = (socket: Socket): void => {
    let rest = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      const replies: string[] = []
      for (const line of lines) {
        const reply = store.answer(line.replace(/\r$/, ''))
        replies.push(`${reply}\n`)
        if (reply === farewell) {
          socket.end(replies.join(''))
          return
        }
      }
      // One write for all that came at once.
      if (replies.length > 0) socket.write(replies.join(''))
      if (rest.length > longestLineBytes) socket.end('-ERR line too long\n')
    })
  }

  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {})
    if (draining) {
      socket.end(`${farewell}\n`)
      return
    }
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.write(`${greeting}\n`)
    converse(socket)
  })
  const startDraining = (): void => {
    draining = true
    for (const socket of open) socket.end(`${farewell}\n`)
  }
  return { server, startDraining }
}
