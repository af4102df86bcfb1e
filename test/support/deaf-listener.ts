import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { SocketAddress } from '../../proxies/config/process.ts'

/** Listens and accepts nothing, its queue full: to the next client it is a host behind a filter. */
export interface DeafListener {
  readonly address: SocketAddress
  close(): void
}

const PROGRAM = `
const server = require('net').createServer()
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.stdout.write(server.address().port + '\\n')
})
process.stdin.resume().on('end', () => process.exit(0))
`

export async function startDeafListener(): Promise<DeafListener> {
  const child: ChildProcess = spawn(process.execPath, ['-e', PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data')
  child.kill('SIGSTOP')
  const address = { host: '127.0.0.1', port: Number(line) }
  const fillers: Socket[] = []
  // A full queue drops the handshake's first packet, so a connection that is not made tells it is full.
  for (let full = false; !full; ) {
    const socket = connect(address).on('error', () => {})
    fillers.push(socket)
    full = await Promise.race([
      once(socket, 'connect').then(() => false),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 300)),
    ])
  }
  return {
    address,
    close: () => {
      for (const socket of fillers) socket.destroy()
      child.kill('SIGKILL')
    },
  }
}
