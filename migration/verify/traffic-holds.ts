import { setTimeout as sleep } from 'node:timers/promises'
import { StepFailure } from '../execute/refusal.ts'
import { countOf, namespaceOf, type Verifier } from './context.ts'
import { type Traffic, trafficIn } from './traffic.ts'

/** Above what the namespace has had all along. */
const mostMore = 0.01
/** Fewer say nothing. */
const leastRequests = 20

/**
 * Counts for as long as `timeoutMs`: requests that begin to fail then fail because of the step. What
 * nobody counts is told, not failed.
 */
export const verifyTrafficHolds: Verifier = async (verification, context) => {
  const { client, signal, timeoutMs, trafficBefore, onWaiting } = context
  const namespace = namespaceOf(verification)
  onWaiting(`requests to ${namespace} are counted for ${timeoutMs / 1000} s`)
  await sleep(timeoutMs, undefined, signal && { signal }).catch(() => undefined)
  signal?.throwIfAborted()
  const now = await trafficIn(client, namespace, signal)
  if (trafficBefore === undefined || now === undefined) {
    return [`no proxy could be asked how requests to ${namespace} fare`]
  }
  const worse = worsened(trafficBefore, now)
  if (worse !== undefined) {
    throw new StepFailure('unproved', `${worse} to ${namespace} failed since this step`)
  }
  const { all, bad } = since(trafficBefore, now)
  if (all === 0) return [`nobody called ${namespace} meanwhile`]
  return [`${bad} of ${countOf(all, 'request')} to ${namespace} failed since`]
}

function since(before: Traffic, now: Traffic): { readonly all: number; readonly bad: number } {
  // A proxy that has gone takes its counts with it.
  return {
    all: Math.max(now.total - before.total, 0),
    bad: Math.max(now.failed - before.failed, 0),
  }
}

/** Pure: `7 of 90 requests, 5 of them refused by policy`; undefined while all is as good as it was. */
export function worsened(before: Traffic, now: Traffic): string | undefined {
  const { all, bad } = since(before, now)
  const usual = before.total === 0 ? 0 : before.failed / before.total
  if (all < leastRequests || bad / all <= usual + mostMore) return undefined
  const refused = now.refused - before.refused
  return `${bad} of ${all} requests${refused > 0 ? `, ${refused} of them refused by policy,` : ''}`
}
