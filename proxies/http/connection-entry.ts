import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { errorCode } from '../errors.ts'
import type { AccessLog } from '../telemetry/access/access-log.ts'
import type { AccessEntry } from '../telemetry/access/entry.ts'
import type { Counter } from '../telemetry/registry.ts'
import type { TcpSeries } from '../telemetry/tcp-metrics.ts'
import { localAddressOf, transportFailure } from './request-entry.ts'

/** What is known of a connection before it is passed on; addresses are `ip:port`. */
export interface ConnectionFacts {
  readonly upstreamCluster: string
  readonly upstreamHost: string | undefined
  readonly downstreamLocal: string
  readonly downstreamRemote: string | undefined
}

/** Follows one connection whose bytes are passed on, and tells about it when it is over. */
export class LoggedConnection {
  readonly #log: AccessLog
  readonly #facts: ConnectionFacts
  readonly #startMs = Date.now()
  readonly #startedMs = performance.now()
  #upstreamLocal: string | undefined
  #failure: unknown

  constructor(log: AccessLog, facts: ConnectionFacts) {
    this.#log = log
    this.#facts = facts
  }

  /** Remembers what came of it. */
  dial(connect: () => Promise<Duplex>): () => Promise<Duplex> {
    return async () => {
      try {
        const socket = await connect()
        this.#upstreamLocal = localAddressOf(socket)
        return socket
      } catch (error) {
        this.#failure = error
        throw error
      }
    }
  }

  series(series: TcpSeries): TcpSeries {
    const received = new OwnCount(series.received)
    const sent = new OwnCount(series.sent)
    return {
      received,
      sent,
      opened: () => series.opened(),
      closed: (flag) => {
        series.closed(flag)
        this.#end(received.value, sent.value)
      },
    }
  }

  /** It was not let in; `by` names the policy. */
  denied(by: string): void {
    this.#log.write({ ...this.#entry(0, 0), terminationDetails: by, upstreamHost: undefined })
  }

  #end(receivedBytes: number, sentBytes: number): void {
    this.#log.write(this.#entry(receivedBytes, sentBytes))
  }

  #entry(receivedBytes: number, sentBytes: number): AccessEntry {
    return {
      ...this.#facts,
      startMs: this.#startMs,
      request: undefined,
      status: 0,
      flags: flagsOf(this.#failure),
      details: undefined,
      terminationDetails: undefined,
      transportFailure: transportFailure(this.#failure),
      receivedBytes,
      sentBytes,
      durationMs: performance.now() - this.#startedMs,
      upstreamServiceMs: undefined,
      grpcStatus: undefined,
      upstreamLocal: this.#upstreamLocal,
      routeName: undefined,
    }
  }
}

/** Envoy's TCP proxy connects once: a failure has also exhausted its retries. */
function flagsOf(failure: unknown): string {
  if (failure === undefined) return '-'
  const code = errorCode(failure)
  if (code === 'NO_UPSTREAM') return 'UH'
  return code === 'POOL_OVERFLOW' ? 'UO' : 'UF,URX'
}

/** Counts for the metrics what it counts for one connection. */
class OwnCount {
  readonly #total: Counter
  #value = 0

  constructor(total: Counter) {
    this.#total = total
  }

  get value(): number {
    return this.#value
  }

  set value(value: number) {
    this.#total.value += value - this.#value
    this.#value = value
  }

  add(amount: number): void {
    this.value += amount
  }
}
