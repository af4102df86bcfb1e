import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { SocketAddress } from '../../proxies/config/process.ts'

/** Speaks bytes and waits for bytes: for what HTTP clients hide. */
export interface RawClient {
  readonly socket: Socket
  send(text: string | Buffer): void
  /** Everything received so far, as soon as it matches. Fails when the connection ends before. */
  until(matches: RegExp | ((received: string) => boolean)): Promise<string>
  /** Forgets what was received. */
  clear(): void
  /** Everything received until the peer closed. */
  closed(): Promise<string>
}

export async function rawClient(address: SocketAddress): Promise<RawClient> {
  const socket = connect({ host: address.host, port: address.port })
  let received = ''
  let ended = false
  let wake = (): void => {}
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
    wake()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    ended = true
    wake()
  })
  await once(socket, 'connect')
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
    })
  return {
    socket,
    send: (text) => void socket.write(text),
    until: async (matches) => {
      const test = typeof matches === 'function' ? matches : (text: string) => matches.test(text)
      while (!test(received)) {
        if (ended) throw new Error(`closed before ${matches}; received ${JSON.stringify(received)}`)
        await changed()
      }
      return received
    },
    clear: () => {
      received = ''
    },
    closed: async () => {
      while (!ended) await changed()
      return received
    },
  }
}

/** One request on a connection of its own; the whole answer as text. */
export async function exchangeRaw(address: SocketAddress, request: string): Promise<string> {
  const client = await rawClient(address)
  client.send(request)
  const answer = await client.closed()
  client.socket.destroy()
  return answer
}
