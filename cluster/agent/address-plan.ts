/**
 * Which addresses pods, captures and services have. The rest of the cluster names sockets by pod
 * address and container port and asks `socket` where such a socket really is, so that a platform
 * whose loopback is a single address can map both to ports of it. Whatever is told to a process to
 * bind or dial went through `socket`.
 */
export interface AddressPlan {
  /** An unused pod: what others call it, and where the application itself listens. */
  takePod(): PodAddress
  releasePod(pod: PodAddress): void
  /** An unused address standing for one service as seen by one pod. */
  takeCapture(): string
  releaseCapture(address: string): void
  /** An unused service address. It is only a name: nothing ever listens on it. */
  takeClusterIp(): string
  /** The socket to bind or dial for this address and port. */
  socket(host: string, port: number): { readonly host: string; readonly port: number }
  /** Gives the claimed range back. */
  close(): Promise<void>
}

export interface PodAddress {
  readonly podIp: string
  readonly appHost: string
}

/** Numbers 0..size-1; a released one is handed out again only after all others. */
export class NumberPool {
  readonly #size: number
  readonly #taken = new Set<number>()
  #next = 0

  constructor(size: number) {
    this.#size = size
  }

  /** Undefined when all are taken. */
  take(): number | undefined {
    if (this.#taken.size === this.#size) return undefined
    while (this.#taken.has(this.#next)) this.#next = (this.#next + 1) % this.#size
    const number = this.#next
    this.#taken.add(number)
    this.#next = (number + 1) % this.#size
    return number
  }

  release(number: number): void {
    this.#taken.delete(number)
  }
}
