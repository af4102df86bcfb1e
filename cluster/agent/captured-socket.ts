import type { BoundSocket } from './bound-socket.ts'
import type { DesiredSocket, Owner } from './capture-plan.ts'
import type { ContainerProcess } from './container-process.ts'
import { messageOf } from './errors.ts'

export interface CapturedSocketContext {
  bind(host: string, port: number): BoundSocket
  process(id: string): ContainerProcess | undefined
  onSettled(): void
  onError(error: unknown): void
}

/** How long connections accepted by a proxy may still live when no proxy follows it. */
const leavingDrainMs = 5_000
/**
 * The same when another proxy takes over: nothing waits for these connections, so they get all the
 * time that a ztunnel's grace period of 30 s allows (istio/ztunnel src/config.rs).
 */
export const replacedDrainMs = 25_000
const retryMs = 500

/**
 * One listening socket and the processes that accept on it.
 * - A new owner accepts before an old one stops: between them no connection is refused, and the
 *   kernel's queue stays with the socket.
 * - Moves of one socket never overlap; whatever is wanted when a move ends decides the next one.
 * - A process that did not answer in time may accept on it or not, now or later: until it has answered
 *   it is asked again, for whatever is wanted by then.
 * - Without owners it is closed, so that clients are refused instead of waiting in a queue that
 *   nobody empties. That is also the answer when its last owner crashes.
 */
export class CapturedSocket {
  readonly podUid: string
  readonly #context: CapturedSocketContext
  readonly #owners = new Map<string, Owner>()
  readonly #unanswered = new Map<string, Owner>()
  #bound: BoundSocket | undefined
  #wanted: DesiredSocket
  #moving = false
  #retry: NodeJS.Timeout | undefined
  #error: unknown

  constructor(wanted: DesiredSocket, context: CapturedSocketContext) {
    this.podUid = wanted.podUid
    this.#wanted = wanted
    this.#context = context
  }

  get wanted(): DesiredSocket {
    return this.#wanted
  }

  /** Whether exactly the wanted processes accept on it. */
  get isSettled(): boolean {
    return this.#missing().length === 0 && this.#surplus().length === 0
  }

  /** Why it cannot be served. */
  get error(): string | undefined {
    return this.#error === undefined ? undefined : messageOf(this.#error)
  }

  /** Whether anybody accepts on it, a previous owner included. */
  get isServed(): boolean {
    return this.#owners.size > 0
  }

  isOwnedBy(process: string): boolean {
    return this.#owners.has(process) || this.#unanswered.has(process)
  }

  want(wanted: DesiredSocket): void {
    this.#wanted = wanted
    if (!this.#moving && !this.isSettled) void this.#move()
  }

  /** The process is gone, and with it its copy of the socket. */
  drop(process: string): void {
    const wasOwner = this.#owners.delete(process)
    if (!this.#unanswered.delete(process) && !wasOwner) return
    if (!this.#moving) this.#closeUnlessHeld()
  }

  stop(): void {
    clearTimeout(this.#retry)
    this.#wanted = { ...this.#wanted, owners: [] }
    this.#close()
  }

  async #move(): Promise<void> {
    this.#moving = true
    try {
      while (!this.isSettled) await this.#step()
      this.#error = undefined
    } catch (error) {
      this.#error = error
      this.#context.onError(error)
      this.#retry = setTimeout(() => this.want(this.#wanted), retryMs)
    }
    this.#moving = false
    this.#closeUnlessHeld()
    this.#context.onSettled()
  }

  async #step(): Promise<void> {
    const missing = this.#missing()
    const surplus = this.#surplus()
    // A process holds a socket once: a change of purpose means letting go first.
    const repurposed = surplus.filter(({ process }) =>
      missing.some((one) => one.process === process),
    )
    await Promise.all(repurposed.map((owner) => this.#takeFrom(owner)))
    await Promise.all(missing.map((owner) => this.#giveTo(owner)))
    await Promise.all(this.#surplus().map((owner) => this.#takeFrom(owner)))
  }

  async #giveTo(owner: Owner): Promise<void> {
    const process = this.#context.process(owner.process)
    const { id, host, port } = this.#wanted
    this.#bound ??= this.#context.bind(host, port)
    if (!process?.isUp) throw new Error(`${owner.process} is not running`)
    try {
      await process.listen(id, owner.purpose, this.#bound.handle)
    } catch (error) {
      if (process.isUp) this.#unanswered.set(owner.process, owner)
      throw error
    }
    this.#unanswered.delete(owner.process)
    if (process.isUp) this.#owners.set(owner.process, owner)
  }

  async #takeFrom(owner: Owner): Promise<void> {
    const process = this.#context.process(owner.process)
    const replaced = this.#wanted.owners.some(({ purpose }) => 'listener' in purpose)
    const drainMs = replaced ? replacedDrainMs : leavingDrainMs
    try {
      if (process?.isUp) await process.unlisten(this.#wanted.id, drainMs)
    } catch (error) {
      // A process that died meanwhile has let go as well.
      if (process?.isUp) {
        this.#owners.delete(owner.process)
        this.#unanswered.set(owner.process, owner)
        throw error
      }
    }
    this.#owners.delete(owner.process)
    this.#unanswered.delete(owner.process)
  }

  #closeUnlessHeld(): void {
    if (this.#owners.size === 0 && this.#unanswered.size === 0) this.#close()
  }

  #close(): void {
    this.#bound?.close()
    this.#bound = undefined
  }

  #missing(): Owner[] {
    return this.#wanted.owners.filter((owner) => !isSame(this.#owners.get(owner.process), owner))
  }

  #surplus(): Owner[] {
    const { owners } = this.#wanted
    return [...this.#owners.values(), ...this.#unanswered.values()].filter(
      (owner) => !owners.some((one) => isSame(one, owner)),
    )
  }
}

function isSame(one: Owner | undefined, other: Owner): boolean {
  return (
    one?.process === other.process && JSON.stringify(one.purpose) === JSON.stringify(other.purpose)
  )
}
