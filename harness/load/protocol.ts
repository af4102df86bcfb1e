/**
 * What the harness says to a load generator pod and what comes back. `POST /load` on the generator's
 * control port with a LoadPlan answers a stream of newline-delimited LoadEvents; closing the request
 * stops the load. One plan at a time in each lane (409 otherwise); those of different lanes run side by
 * side. `POST /window` ends the warm-up of the plan under way at once, `POST /end` the load itself: what
 * is due by then is still awaited (409 when there is no plan). Both take `?lane=NAME`. `GET /ready`
 * answers 200.
 */
export interface LoadPlan {
  /**
   * Service name as in `<NAME>_SERVICE_HOST`, resolved inside the generator's pod; else the DNS name,
   * with `name:port` for another port than 8080.
   */
  readonly service: string
  /** Several services instead, each with its share of the requests; `connections` are for each. */
  readonly spread?: readonly { readonly service: string; readonly weight: number }[]
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly requestBytes: number
  readonly headers: Readonly<Record<string, string>>
  /**
   * `open`: arrivals come at `ratePerSecond` whatever the server does, latency counts from the
   * intended start. `closed`: every connection sends its next request when the last is answered
   * (saturation); latency is service time.
   */
  readonly model: 'open' | 'closed'
  readonly ratePerSecond: number
  /** `jittered` = one arrival at a random moment of each 1/rate slot. */
  readonly arrivals: 'uniform' | 'jittered' | 'poisson'
  readonly connections: number
  readonly keepAlive: boolean
  readonly timeoutMs: number
  /** With `warmUpPointMs` the longest it may take: `POST /window` ends it earlier. */
  readonly warmupMs: number
  /** Report the warm-up in slices of this length. Without: the warm-up is silent and of fixed length. */
  readonly warmUpPointMs?: number
  readonly windowMs: number
  /**
   * `continuous`: goes on until the request is closed or `POST /end` comes; the points, one a second,
   * say in `recent` what the last `windowMs` were like. @default 'once'
   */
  readonly windows?: 'once' | 'continuous'
  /** @default '' */
  readonly lane?: string
  /**
   * Tells of every request by itself, and lets the end of the pod be a `POST /end`: what it had sent is
   * still told of. @default false
   */
  readonly trace?: boolean
  /** Sends again what met a kept connection that was just being closed, see connection.ts. @default false */
  readonly retryStale?: boolean
  readonly seed: number
}

export type LoadEvent =
  | { readonly event: 'warmup'; readonly atMs: number }
  | { readonly event: 'warmup-point'; readonly atMs: number; readonly point: WarmUpPoint }
  /** Read the counters now. `atMs` is epoch milliseconds. */
  | { readonly event: 'window-start'; readonly atMs: number }
  | { readonly event: 'progress'; readonly atMs: number; readonly point: LoadPoint }
  /** Of a traced load: what ended since the last one, in the order of ending. */
  | { readonly event: 'requests'; readonly requests: readonly TracedRequest[] }
  /** The last arrival of the window is due; read the counters now. Late answers are still awaited. */
  | { readonly event: 'window-end'; readonly atMs: number }
  | { readonly event: 'result'; readonly result: LoadResult }
  | { readonly event: 'error'; readonly code: string; readonly message: string }

/**
 * Intended start in epoch milliseconds, microseconds from there to the end, and the cause where that
 * was no good answer (as in Failures; `503 at cart:8080` of several services), then how often it was
 * sent again. A list, since there are many.
 */
export type TracedRequest = readonly [
  intendedMs: number,
  latencyUs: number,
  cause?: string | null,
  retries?: number,
]

/** A slice of a warm-up. Its median is an indicator: it is given however few answers there were. */
export interface WarmUpPoint {
  readonly offsetMs: number
  readonly durationMs: number
  readonly ok: number
  readonly failed: number
  readonly p50Us: number | null
}

/** About one second of a window. */
export interface LoadPoint {
  readonly offsetMs: number
  readonly durationMs: number
  readonly ok: number
  readonly failed: number
  readonly p50Us: number | null
  readonly p99Us: number | null
  /** Only in a continuous load. */
  readonly recent?: RecentLoad
}

/** The sliding window of a continuous load, for people who watch: percentiles from any number of samples. */
export interface RecentLoad {
  readonly durationMs: number
  readonly ok: number
  readonly failures: Failures
  readonly p50Us: number | null
  readonly p99Us: number | null
}

/**
 * Why requests failed and how often: a status (`503`), a system error (`ECONNREFUSED`), `timeout`,
 * `closed` (ended without an error before the answer was complete), `bad-answer`, `unanswered`.
 */
export type Failures = Readonly<Record<string, number>>

/**
 * Every arrival whose intended start lies in the window ends in exactly one of these:
 * `arrivals = ok + non2xx + timeout + reset + connectFailed + unanswered`.
 */
export interface Outcomes {
  readonly ok: number
  readonly non2xx: number
  readonly timeout: number
  /** The connection ended or broke before a complete answer. */
  readonly reset: number
  readonly connectFailed: number
  /** Still without answer (or never sent for want of a free connection) when the drain ended. */
  readonly unanswered: number
}

/** Microseconds. A percentile is null where fewer than 10 samples lie beyond it. */
export interface LatencySummary {
  readonly n: number
  readonly mean: number | null
  readonly p50: number | null
  readonly p75: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly p999: number | null
  readonly max: number | null
  /** HdrHistogram V2, compressed, base64: merges without loss. */
  readonly histogram: string
}

export interface LoadResult {
  /** Epoch milliseconds of the window's first and last moment, planned edges. */
  readonly startedAtMs: number
  /**
   * The same first moment on the monotonic clock, in microseconds. On Linux all processes share that
   * clock, so an observer on the same machine can hold its own record against this one.
   */
  readonly startedAtMonotonicUs?: number
  /** How long the warm-up took: the plan's, or less when it was ended early. */
  readonly warmupMs?: number
  readonly durationMs: number
  /** Arrivals whose intended start lies in the window. For `closed` the requests sent. */
  readonly arrivals: number
  readonly offeredRate: number
  /** Answered requests (any status) per second of the window. */
  readonly achievedRate: number
  /** Arrivals without an answer when the window ended: a backlog of a mode that does not keep up. */
  readonly outstandingAtEnd?: number
  readonly outcomes: Outcomes
  /** Everything in `outcomes` but `ok`, by cause. */
  readonly failures?: Failures
  /** ok answers only: from the intended start. */
  readonly latencyUs: LatencySummary
  /** ok answers only: from the moment of sending; without keep-alive that begins with connecting. */
  readonly serviceTimeUs: LatencySummary
  /** Answers with an error status and failures, from the intended start; timeouts at their deadline. */
  readonly failedLatencyUs: LatencySummary
  /** Actual minus intended start, queueing for a free connection not included. */
  readonly lagUs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Waiting for a free connection. */
  readonly queueUs: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly connections: { readonly opened: number; readonly closedEarly: number }
  readonly bytesReceived: number
  readonly points: readonly LoadPoint[]
  /** The generator's own cost during the window. */
  readonly generator: { readonly cpuUs: number; readonly eventLoopUtilization: number }
}
