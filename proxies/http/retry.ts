/** When a request is sent again (istio/istio pilot/pkg/networking/core/route/retry/retry.go). */
export interface RetryRules {
  /** Tries after the first. */
  readonly retries: number
  /** The connection could not be made. */
  readonly connectFailure: boolean
  /** Statuses of gRPC calls that failed before their first message. */
  readonly grpcStatuses?: readonly string[]
  /** The connection ended before an answer. */
  readonly reset?: boolean
  /** Answers that are not passed on while there is another try. */
  readonly statuses?: readonly number[]
  readonly perTryTimeoutMs?: number
  /** @default 25 */
  readonly backOffMs?: number
}

const CANCELLED = '1'
const UNAVAILABLE = '14'

/** Istio's outbound default: a plain 503 is an answer and is passed on. */
export const OUTBOUND_RETRY: RetryRules = {
  retries: 2,
  connectFailure: true,
  grpcStatuses: [CANCELLED, UNAVAILABLE],
}

/** `reset-before-request`: the application closed a connection while our request was under way. */
export const INBOUND_RETRY: RetryRules = { retries: 2, connectFailure: false }

const BASE_MS = 25
/** Envoy's cap: ten times the base. */
const CAP_FACTOR = 10

/** Fully jittered exponential back-off; `retry` counts from 1. */
export function backOffMs(
  retry: number,
  random: () => number = Math.random,
  baseMs = BASE_MS,
): number {
  return random() * Math.min(CAP_FACTOR * baseMs, baseMs * (2 ** retry - 1))
}

/** May be sent twice without harm: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2 */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
