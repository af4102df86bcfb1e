import type { Cluster } from './cluster.ts'
import type { ConnectionPool, ResponseHandler, UpstreamConnection, Waiter } from './codec.ts'
import type { Framing, RequestHead } from './head.ts'
import { Replay } from './replay.ts'
import { INBOUND_RETRY } from './retry.ts'
import { Tries } from './tries.ts'

/** A body that is longer is not mirrored: it would have to be kept whole. */
const MIRROR_BYTES = 1024 * 1024
/** Nobody waits for the answer, so nobody would notice that it never comes. */
const MIRROR_TIMEOUT_MS = 15_000

/** Sends a copy of a request once all of it has arrived, and throws the answer away. */
export class Mirror implements Waiter, ResponseHandler {
  readonly #request: RequestHead
  readonly #lines: string
  readonly #replay = new Replay(MIRROR_BYTES)
  readonly #tries = new Tries()
  #pool: ConnectionPool | undefined
  #upstream: UpstreamConnection | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(cluster: Cluster, request: RequestHead, lines: string) {
    this.#request = request
    this.#lines = lines
    this.#tries.to(cluster, request, { ...INBOUND_RETRY, retries: 0 })
  }

  sendData(_framing: Framing, chunk: Buffer, start: number, end: number): void {
    this.#replay.add(chunk, start, end)
    if (this.#replay.full) this.#replay.drop()
  }

  sendEnd(_framing: Framing, trailers: string): void {
    if (this.#replay.dropped) return
    this.#replay.end(trailers)
    const pool = this.#tries.next()
    if ('status' in pool) return
    this.#pool = pool
    this.#timer = setTimeout(() => this.#giveUp(), MIRROR_TIMEOUT_MS)
    const connection = pool.take()
    if (connection) this.connected(connection)
    else pool.wait(this)
  }

  connected(connection: UpstreamConnection): void {
    const { framing } = this.#request
    this.#upstream = connection
    connection.begin(this, this.#request)
    connection.sendHead(`${this.#lines}\r\n`, framing)
    this.#replay.write(connection, framing)
    connection.flush()
  }

  connectFailed(): void {
    this.#end()
  }

  upstreamFailed(): void {
    this.#upstream = undefined
    this.#end()
  }

  responseEnd(): void {
    const upstream = this.#upstream
    this.#upstream = undefined
    if (upstream) this.#pool?.release(upstream, performance.now())
    this.#end()
  }

  responseInterim(): void {}
  responseHead(): void {}
  responseData(): void {}
  upstreamDrained(): void {}
  flushResponse(): void {}

  #giveUp(): void {
    if (this.#upstream) this.#upstream.destroy()
    else this.#pool?.cancel(this)
    this.#upstream = undefined
    this.#end()
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#replay.drop()
    this.#tries.leave()
  }
}
