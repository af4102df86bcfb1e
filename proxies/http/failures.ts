import { errorCode } from '../errors.ts'
import type { UpstreamFailure } from './codec.ts'
import { type Reply, replies } from './reply.ts'
import { isIdempotent, type RetryRules } from './retry.ts'

/** What a failed try means, before anything of an answer has arrived. */
export interface Failure {
  readonly reply: Reply
  readonly retriable: boolean
  /** Whether the next try waits a little. */
  readonly backsOff: boolean
  /** What outlier detection takes it for; undefined: no fault of the endpoint. */
  readonly status: number | undefined
}

export function connectFailure(error: unknown, retry: RetryRules): Failure {
  const code = errorCode(error)
  if (code === 'POOL_OVERFLOW') {
    return { reply: replies.overflow, retriable: false, backsOff: false, status: undefined }
  }
  if (code === 'UPSTREAM_PROTOCOL') {
    const retriable = retry.reset === true
    return { reply: replies.protocolError, retriable, backsOff: true, status: 503 }
  }
  const reply = code === 'CONNECT_TIMEOUT' ? replies.connectTimeout : replies.connectFailure
  return { reply, retriable: retry.connectFailure, backsOff: true, status: 503 }
}

export function streamFailure(
  { kind, reused }: UpstreamFailure,
  method: string,
  retry: RetryRules,
): Failure {
  // The server may have closed an idle connection just as we used it. Nothing tells whether it
  // read the request, so only one that may be repeated is.
  const stale = kind === 'closed' && reused && isIdempotent(method)
  const refused = kind === 'refused' && retry.connectFailure
  const reply = kind === 'protocol' ? replies.protocolError : replies.connectionTermination
  const retriable = stale || refused || retry.reset === true
  return { reply, retriable, backsOff: refused, status: 503 }
}

export function tryTimeout({ reset, statuses }: RetryRules): Failure {
  const retriable = reset === true || statuses?.includes(504) === true
  const reply = { ...replies.timeout, details: 'upstream_per_try_timeout' }
  return { reply, retriable, backsOff: true, status: 504 }
}
