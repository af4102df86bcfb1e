import { type ChildProcess, fork } from 'node:child_process'
import type { CapturedListener, ProxyCommand, ProxyReport } from '../../proxies/config/process.ts'
import type { SocketCommand, SocketReport } from '../../workloads/sockets.ts'
import type { ImageDefinition } from '../images.ts'
import { AgentError } from './errors.ts'
import type { LogFile } from './log-file.ts'

export type Report = ProxyReport | SocketReport
/** What a socket is for, in the terms of whoever gets it. */
export type Purpose = { readonly port: number } | { readonly listener: CapturedListener }

export interface Exit {
  readonly exitCode: number
  readonly signal?: NodeJS.Signals
  /** Why it never ran. */
  readonly startError?: string
}

export interface LaunchOptions {
  readonly id: string
  readonly image: ImageDefinition
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly log: LogFile
  /** @default 10_000 */
  readonly answerTimeoutMs?: number
}

/** A healthy process answers within milliseconds; a busy or stopped one may take its time. */
const defaultAnswerTimeoutMs = 10_000

/**
 * One run of a container as a child process.
 * - `started` reports precede everything else; before it no socket may be sent.
 * - After `exited` every pending hand-over has failed.
 */
export class ContainerProcess {
  readonly id: string
  readonly protocol: ImageDefinition['protocol']
  readonly startedAt = new Date()
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #answerTimeoutMs: number
  readonly #listeners: ((report: Report) => void)[] = []
  readonly #waiting = new Map<string, { resolve(): void; reject(error: Error): void }>()
  #started = false
  #exit: Exit | undefined

  constructor({ id, image, args, env, log, answerTimeoutMs }: LaunchOptions) {
    this.id = id
    this.#answerTimeoutMs = answerTimeoutMs ?? defaultAnswerTimeoutMs
    this.protocol = image.protocol
    this.#child = fork(image.entry, args, {
      // Nothing of the parent's environment: a container sees what its manifest says.
      env: { ...env },
      execArgv: [`--title=${image.title}`, ...(image.nodeArgs ?? [])],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const { stdout, stderr } = this.#child
    if (stdout) log.follow(stdout)
    if (stderr) log.follow(stderr)
    this.#child.on('message', (message) => this.#onReport(message as Report))
    this.exited = new Promise((resolve) => {
      const finish = (exit: Exit): void => {
        if (this.#exit) return
        this.#exit = exit
        const gone = new AgentError('PROCESS_GONE', `${id} exited`, {
          hint: 'Its log says why.',
        })
        for (const { reject } of this.#waiting.values()) reject(gone)
        this.#waiting.clear()
        resolve(exit)
      }
      // A child that cannot be started has no 'exit'; a message to a dying one is also an 'error'.
      this.#child.on('error', (error) => {
        if (this.#child.pid !== undefined) return
        log.close()
        finish({ exitCode: 128, startError: error.message })
      })
      // After 'exit': what it had written is read to the end first.
      this.#child.on('close', () => log.close())
      this.#child.on('exit', (code, signal) =>
        finish({ exitCode: code ?? 128, ...(signal ? { signal } : {}) }),
      )
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** It has said `started` and not ended. */
  get isUp(): boolean {
    return this.#started && this.#exit === undefined
  }

  get hasExited(): boolean {
    return this.#exit !== undefined
  }

  onReport(listener: (report: Report) => void): void {
    this.#listeners.push(listener)
  }

  configure(command: Extract<ProxyCommand, { type: 'config' }>): void {
    this.#send(command)
  }

  /**
   * Resolves when the process accepts connections on the socket. Commands are carried out in the order
   * they are sent: one that was not answered in time is carried out all the same, only later.
   */
  listen(id: string, purpose: Purpose, handle: unknown): Promise<void> {
    return this.#ask('listen', id, { type: 'listen', id, ...purpose }, handle)
  }

  /** Resolves when it no longer accepts; live connections may go on for `drainMs`. */
  unlisten(id: string, drainMs: number): Promise<void> {
    return this.#ask('unlisten', id, { type: 'unlisten', id, drainMs })
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  #ask(
    question: 'listen' | 'unlisten',
    id: string,
    message: SocketCommand | ProxyCommand,
    handle?: unknown,
  ): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (!this.isUp) {
        reject(
          new AgentError('PROCESS_GONE', `${this.id} is not running`, { hint: 'Wait for it.' }),
        )
        return
      }
      const key = `${question} ${id}`
      const timer = setTimeout(() => {
        this.#waiting.delete(key)
        const hint = 'It may be stuck; its log and a look at its CPU use may tell.'
        reject(new AgentError('HANDOVER_FAILED', `${this.id} did not answer "${key}"`, { hint }))
      }, this.#answerTimeoutMs)
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(key)
      }
      this.#waiting.set(key, {
        resolve: () => {
          settle()
          resolve()
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      })
      this.#send(message, handle)
    })
  }

  #send(message: SocketCommand | ProxyCommand, handle?: unknown): void {
    if (!this.#child.connected) return
    // keepOpen: the agent holds on to every socket, so that it can move it again.
    this.#child.send(message, handle as never, { keepOpen: true }, () => undefined)
  }

  #onReport(report: Report): void {
    if (report.type === 'started') this.#started = true
    if (report.type === 'listening') this.#waiting.get(`listen ${report.id}`)?.resolve()
    if (report.type === 'unlistened') this.#waiting.get(`unlisten ${report.id}`)?.resolve()
    if (report.type === 'failed' && report.id !== undefined) {
      const error = new AgentError('HANDOVER_FAILED', `${this.id}: ${report.message}`, {
        hint: 'Its log says more.',
      })
      this.#waiting.get(`listen ${report.id}`)?.reject(error)
      this.#waiting.get(`unlisten ${report.id}`)?.reject(error)
    }
    for (const listener of this.#listeners) listener(report)
  }
}
