/** What the engine accepts and how long it waits. Defaults follow Envoy as Istio configures it. */
export interface HttpLimits {
  /** Start line and header fields together; Envoy refuses more than 60 KiB with 431. */
  readonly headBytes: number
  /** Header fields in one message; Envoy's limit is 100. */
  readonly fields: number
  /** From the first byte of a head to its end. Envoy has none; without one a slow client holds a
   * connection for ever. */
  readonly headTimeoutMs: number
  /** A connection without a request in flight, on either side; Envoy's default. */
  readonly idleTimeoutMs: number
  /** Of the last answer on a connection, while its client takes nothing of what is left. */
  readonly flushTimeoutMs: number
  readonly connectTimeoutMs: number
  /** Request body kept so that another endpoint can be tried; Istio's connection buffer is 32 KiB,
   * one read of ours up to 64 KiB. */
  readonly replayBytes: number
}

export const DEFAULT_LIMITS: HttpLimits = {
  headBytes: 60 * 1024,
  fields: 100,
  headTimeoutMs: 60_000,
  idleTimeoutMs: 3_600_000,
  flushTimeoutMs: 60_000,
  connectTimeoutMs: 10_000,
  replayBytes: 64 * 1024,
}

/** Longest chunk-size line including extensions, which are read over and never forwarded. */
export const CHUNK_LINE_BYTES = 1024
