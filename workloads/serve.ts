import type { Server as HttpServer } from 'node:http'
import type { Server, Socket } from 'node:net'
import { activateSockets, type ParentChannel } from './socket-activation.ts'

export interface ServeOptions {
  /** Of HTTP or of any other protocol. */
  readonly server: Server | HttpServer
  readonly host: string | undefined
  readonly port: number
  readonly socketsFromParent: boolean
  /** Called once on SIGTERM, before connections are given time to end. */
  readonly startDraining: () => void
  /** `process`, or a stand-in in tests. */
  readonly parent: ParentChannel
  readonly exit: (code: number) => void
}

/** Clients learn from `connection: close` that they should go; those that stay idle are cut then. */
const idleGraceMs = 500

/** Below the 30 s after which Kubernetes kills. */
const longestDrainMs = 25_000

/**
 * The life of an application process: listen, tell the parent, serve what it hands over, leave in
 * good order on SIGTERM, and never outlive the parent.
 */
export function serve(options: ServeOptions): void {
  const { server, parent, exit } = options
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })

  const activation = options.socketsFromParent ? activateSockets(server, parent) : undefined
  parent.once('disconnect', () => exit(0))
  // Ctrl-C in a terminal reaches the whole process group; whoever started us decides what follows.
  if (parent.send !== undefined) parent.on('SIGINT', () => {})

  server.once('error', (error) => {
    parent.send?.({ type: 'failed', message: error.message })
    process.stderr.write(`cannot listen: ${error.message}\n`)
    exit(5)
  })
  server.listen({ host: options.host, port: options.port }, () => {
    parent.send?.({ type: 'started' })
  })

  parent.once('SIGTERM', () => {
    options.startDraining()
    server.close()
    activation?.unlistenAll()
    parent.once('SIGTERM', () => exit(0))
    whenDrained(server, open, () => exit(0))
  })
}

function whenDrained(
  server: ServeOptions['server'],
  open: ReadonlySet<Socket>,
  done: () => void,
): void {
  const startedAt = performance.now()
  const timer = setInterval(check, 25)
  function check(): void {
    const passedMs = performance.now() - startedAt
    if (passedMs >= idleGraceMs) closeIdle(server, open)
    if (open.size > 0 && passedMs < longestDrainMs) return
    clearInterval(timer)
    done()
  }
  check()
}

function closeIdle(server: ServeOptions['server'], open: ReadonlySet<Socket>): void {
  if ('closeIdleConnections' in server) server.closeIdleConnections()
  // A connection that has not begun its first request counts as active to Node.
  for (const socket of open) if (socket.bytesRead === 0) socket.destroy()
}
