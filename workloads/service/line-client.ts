import { connect, type Socket } from 'node:net'
import { findService } from '../discovery.ts'
import type { Ask } from '../script.ts'
import { DownstreamError } from './downstream.ts'

/** Sends one line and resolves with the reply to it. */
export type Asker = (ask: Ask) => Promise<string>

export interface AskerOptions {
  readonly env: NodeJS.ProcessEnv
  readonly timeoutMs: number
  /** A connection older than this is not used again. @default for ever */
  readonly connectionLifeMs?: number
}

/** See store/protocol.ts: what was not answered before it was not carried out. */
const farewell = '+BYE'

/**
 * Client of a line protocol whose server speaks first (store/protocol.ts). Holds:
 * - a connection carries one command at a time, and none before the greeting has come;
 * - a command is sent again only when the server closed a kept connection without replying.
 */
export function createAsker(options: AskerOptions): Asker {
  const { env, timeoutMs, connectionLifeMs = Infinity } = options
  const idle = new Map<string, LineConnection[]>()

  const take = (service: string): LineConnection | undefined => {
    const kept = idle.get(service) ?? []
    for (let next = kept.pop(); next !== undefined; next = kept.pop()) {
      if (next.isUsable(connectionLifeMs)) return next
      next.close()
    }
    return undefined
  }

  const attempt = async ({ service, line }: Ask): Promise<string> => {
    const kept = take(service)
    const connection = kept ?? new LineConnection(findService(service, env), timeoutMs)
    try {
      if (kept === undefined) await connection.greeted
      const reply = await connection.ask(line)
      if (reply === farewell) throw new Error('the server is going away')
      if (reply.startsWith('-')) throw new DownstreamError(502, `${service} replied ${reply}`)
      const others = idle.get(service) ?? []
      idle.set(service, [...others, connection])
      return reply
    } catch (error) {
      connection.close()
      if (error instanceof DownstreamError) throw error
      // The next kept one may have been closed as well; a new one ends this.
      if (kept !== undefined) return attempt({ service, line })
      const { code, message } = error as NodeJS.ErrnoException
      throw new DownstreamError(503, `${service} unreachable: ${code ?? message}`)
    }
  }
  return attempt
}

class LineConnection {
  /** Resolves with the server's first line. */
  readonly greeted: Promise<string>
  readonly #socket: Socket
  readonly #bornMs = performance.now()
  #rest = ''
  #waiting: { resolve(line: string): void; reject(error: Error): void } | undefined
  #ended = false

  constructor({ host, port }: { host: string; port: number }, timeoutMs: number) {
    const socket = connect({ host, port, noDelay: true })
    this.#socket = socket
    this.greeted = this.#nextLine()
    socket.setEncoding('utf8')
    socket.setTimeout(timeoutMs, () => {
      if (this.#waiting !== undefined) socket.destroy(new Error(`no reply in ${timeoutMs} ms`))
    })
    socket.on('data', (chunk) => this.#onData(String(chunk)))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('the connection was closed')))
  }

  isUsable(lifeMs: number): boolean {
    return !this.#ended && performance.now() - this.#bornMs < lifeMs
  }

  ask(line: string): Promise<string> {
    if (this.#ended) return Promise.reject(new Error('the connection was closed'))
    const reply = this.#nextLine()
    this.#socket.write(`${line}\n`)
    return reply
  }

  close(): void {
    this.#ended = true
    this.#socket.destroy()
  }

  #nextLine(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  #onData(chunk: string): void {
    const [line, ...more] = (this.#rest + chunk).split('\n')
    if (more.length === 0) {
      this.#rest = line ?? ''
      return
    }
    this.#rest = more.join('\n')
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) waiting.resolve((line ?? '').replace(/\r$/, ''))
    // Said unasked: a farewell. Whatever it is, this connection is of no more use.
    else this.close()
  }

  #end(error: Error): void {
    this.#ended = true
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}
