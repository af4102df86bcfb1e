import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError, isNotFound } from '../../cluster/errors.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { expired, StepFailure } from '../execute/refusal.ts'
import type { PodIdentity } from '../journal/entry.ts'
import type { Plan, Step, Verification } from '../result/plan.ts'
import type { Traffic } from './traffic.ts'
import type { Carried } from './ztunnel-metrics.ts'

/** Pods of ours that make requests for a proof. */
export interface Canaries {
  /** Starts it, and sees to it that it goes whatever becomes of the work. */
  during<T>(pod: Pod, work: () => Promise<T>): Promise<T>
}

export interface VerifyContext {
  readonly client: ClusterClient
  readonly plan: Pick<Plan, 'id'>
  readonly step: Pick<Step, 'id'>
  /** Of the migrated namespaces, just before the step. */
  readonly podsBefore: readonly PodIdentity[]
  /** What ztunnels had counted before the step, if they could be asked. */
  readonly carriedBefore?: ReadonlyMap<string, Carried> | undefined
  readonly canaries?: Canaries
  /** What callers' proxies had counted before the step, if any could be asked. */
  readonly trafficBefore?: Traffic | undefined
  /** Running sidecars hand over to ambient, as in the embedded cluster. */
  readonly liveTakeover: boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** What is still missing, whenever that changes. */
  readonly onWaiting: (text: string) => void
}

/** Sentences that prove it. Throws StepFailure when it does not come true in time. */
export type Verifier = (
  verification: Verification,
  context: VerifyContext,
) => Promise<readonly string[]>

export type Look = { readonly evidence: readonly string[] } | { readonly missing: string }

const firstPauseMs = 100
const mostPauseMs = 2_000

/** Longer than an outage of the API server is sat out within a single look. */
const longestLookMs = 120_000

/**
 * Looks again and again, ever more slowly. Each look reads anew what it judges: a watch that was dropped,
 * or that lies, could neither prove nor hide anything. What cannot come true any more is thrown by `look`;
 * one that never comes back is given up, some time after the deadline.
 */
export async function untilProved(
  { timeoutMs, signal, onWaiting }: Pick<VerifyContext, 'timeoutMs' | 'signal' | 'onWaiting'>,
  look: () => Promise<Look>,
  mostMs = longestLookMs,
): Promise<readonly string[]> {
  const deadlineMs = performance.now() + timeoutMs
  let pauseMs = firstPauseMs
  let told = ''
  for (;;) {
    signal?.throwIfAborted()
    const seen = await ended(look().catch(asMissing), deadlineMs + mostMs - performance.now())
    if ('evidence' in seen) return seen.evidence
    const leftMs = deadlineMs - performance.now()
    if (leftMs <= 0) {
      throw new StepFailure('unproved', `${seen.missing} (after ${timeoutMs / 1000} s)`)
    }
    if (seen.missing !== told) onWaiting(seen.missing)
    told = seen.missing
    await sleep(Math.min(pauseMs, leftMs), undefined, signal && { signal }).catch(() => undefined)
    pauseMs = Math.min(pauseMs * 1.5, mostPauseMs)
  }
}

/** Whatever else happens to it, nobody waits for it any longer. */
async function ended(look: Promise<Look>, withinMs: number): Promise<Look> {
  const timer = new AbortController()
  const silence = sleep(withinMs, undefined, { signal: timer.signal }).then(
    (): Look => ({ missing: 'the cluster has left a question unanswered' }),
    (): Look => ({ missing: '' }),
  )
  try {
    return await Promise.race([look, silence])
  } finally {
    timer.abort()
  }
}

/** What the cluster cannot tell just now it may tell later; credentials do not come back. */
function asMissing(error: unknown): Look {
  if (!(error instanceof ClusterError)) throw error
  if (error.status === 401) throw expired(error)
  if (error.status === 403) {
    throw new StepFailure('unproved', `it cannot be verified: ${error.message}`, error)
  }
  if (isNamespaceMissing(error)) throw new StepFailure('gone', error.message, error)
  return { missing: error.message }
}

function isNamespaceMissing(error: ClusterError): boolean {
  return isNotFound(error) && error.details?.kind === 'namespaces'
}

/** Names for a sentence: the first few, and how many there are. */
export function some(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

export function namespaceOf({ namespace, ref }: Verification): string {
  return namespace ?? ref?.namespace ?? ref?.name ?? ''
}

export function refIn({ check, ref }: Verification): NonNullable<Verification['ref']> {
  if (ref !== undefined) return ref
  throw new StepFailure('unproved', `the plan does not say what "${check}" is about`)
}
