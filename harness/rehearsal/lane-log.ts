import type { TracedRequest } from '../load/protocol.ts'

/** A stretch of time in epoch milliseconds, the end not included. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** One request of a lane as a window sees it. */
export interface LoggedRequest {
  readonly intendedMs: number
  readonly latencyUs: number
  /** Absent: a good answer. */
  readonly cause?: string
  /** It met a kept connection that was being closed, and was sent again. */
  readonly retried: boolean
}

/** Time without a good answer while requests were due. */
export type Gap = Span

/** Causes that say when waiting was given up, not when something broke. */
const patience = /^(timeout|unanswered)/

/**
 * Everything one lane of a load has seen, in any number of sessions: a caller that is replaced offers
 * nothing until its successor does, which is no gap in the service.
 */
export class LaneLog {
  readonly #requests: LoggedRequest[] = []
  readonly #sessions: { fromMs: number; toMs: number }[] = []

  get hasBegun(): boolean {
    return this.#sessions.length > 0
  }

  begin(atMs: number): void {
    this.#sessions.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY })
  }

  add(requests: readonly TracedRequest[]): void {
    for (const [intendedMs, latencyUs, cause, retries = 0] of requests) {
      const retried = retries > 0
      const failure = typeof cause === 'string' ? { cause } : {}
      this.#requests.push({ intendedMs, latencyUs, retried, ...failure })
    }
  }

  /** Nothing is offered from then on, until the next `begin`. */
  end(atMs: number): void {
    const session = this.#sessions.at(-1)
    if (session !== undefined) session.toMs = Math.min(session.toMs, atMs)
  }

  /** Due in the window. */
  due({ fromMs, toMs }: Span): LoggedRequest[] {
    return this.#requests.filter(({ intendedMs }) => intendedMs >= fromMs && intendedMs < toMs)
  }

  /**
   * Failed in the window: at the moment it broke, which may have been due just before; one that was
   * waited for in vain at the moment it was due.
   */
  failed({ fromMs, toMs }: Span): LoggedRequest[] {
    return this.#requests.filter((request) => {
      if (request.cause === undefined) return false
      const atMs = patience.test(request.cause) ? request.intendedMs : endOf(request)
      return atMs >= fromMs && atMs < toMs
    })
  }

  /** All gaps between good answers, and between them and the edges of sessions. */
  gaps(): Gap[] {
    const answers = this.#requests
      .filter(({ cause }) => cause === undefined)
      .map(endOf)
      .sort((a, b) => a - b)
    const lastMs = Math.max(...this.#requests.map(({ intendedMs }) => intendedMs), 0)
    let next = 0
    return this.#sessions.flatMap(({ fromMs, toMs }) => {
      const endMs = Math.min(toMs, lastMs)
      const gaps: Gap[] = []
      let sinceMs = fromMs
      for (; (answers[next] ?? Infinity) < endMs; next += 1) {
        const atMs = answers[next] as number
        if (atMs > sinceMs) gaps.push({ fromMs: sinceMs, toMs: atMs })
        sinceMs = Math.max(sinceMs, atMs)
      }
      if (endMs > sinceMs) gaps.push({ fromMs: sinceMs, toMs: endMs })
      return gaps
    })
  }
}

const endOf = ({ intendedMs, latencyUs }: LoggedRequest): number => intendedMs + latencyUs / 1e3
