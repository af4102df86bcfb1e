import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import type { Step } from '../result/plan.ts'
import { some } from '../verify/context.ts'
import { isReady } from '../verify/pods.ts'
import { type Traffic, trafficTo } from '../verify/traffic.ts'
import { identityOf, workloadOf } from './pods.ts'
import { StepFailure } from './refusal.ts'
import { restartsWorkload } from './result.ts'
import type { Run } from './run.ts'

/** Between two workloads: how long one has to hold before the next is touched. */
export interface GateOptions {
  /** @default 3 */
  readonly intervals: number
  /** @default 5 s */
  readonly intervalMs: number
  /** Above what the workload has had all along, of the requests its callers' proxies count. @default 0.01 */
  readonly maxErrorRate: number
  /** Fewer say nothing. @default 20 */
  readonly leastRequests: number
}

export const usualGate: GateOptions = {
  intervals: 3,
  intervalMs: 5_000,
  maxErrorRate: 0.01,
  leastRequests: 20,
}

/**
 * A workload that has just been restarted stays ready, its containers stay up, and what callers'
 * proxies count of it stays good, interval after interval. Sentences for the report.
 */
export async function passGate(
  run: Run,
  step: Step,
  options: GateOptions = usualGate,
): Promise<readonly string[]> {
  const workloads = step.calls
    .filter(restartsWorkload)
    .map(({ ref }) => ({ title: `${ref.kind} ${ref.name}`, ref }))
  const evidence: string[] = []
  for (const { title, ref } of workloads) {
    const { namespace = 'default', name } = ref
    const read = () => trafficTo(run.client, { namespace, name }, run.stop)
    const restartsBefore = await restartsOf(run.reader, namespace, title)
    const first = await read()
    let last: Traffic | undefined = first
    for (let interval = 1; interval <= options.intervals; interval += 1) {
      await run.emit({
        event: 'waiting',
        step,
        text: `${title} has to stay healthy: interval ${interval} of ${options.intervals}`,
      })
      await sleep(options.intervalMs, undefined, { signal: run.stop }).catch(() => undefined)
      run.stop.throwIfAborted()
      await assertHealthy(run.reader, namespace, title, restartsBefore)
      const now = await read()
      if (first && last && now) assertGood(title, { first, last, now }, options)
      last = now
    }
    evidence.push(sentence(title, first, last, options))
  }
  return evidence
}

async function podsOf(client: ClusterClient, namespace: string, title: string) {
  const pods = await client.list<Pod>(kinds.pod, { namespace })
  return pods.filter(
    ({ metadata }) => workloadOf(metadata) === title && metadata.deletionTimestamp === undefined,
  )
}

async function restartsOf(
  client: ClusterClient,
  namespace: string,
  title: string,
): Promise<ReadonlyMap<string, number>> {
  const pods = await podsOf(client, namespace, title)
  return new Map(pods.map((pod) => [pod.metadata.uid ?? '', restartCount(pod)]))
}

function restartCount(pod: Pod): number {
  return Object.values(identityOf(pod).restarts).reduce((sum, count) => sum + count, 0)
}

async function assertHealthy(
  client: ClusterClient,
  namespace: string,
  title: string,
  restartsBefore: ReadonlyMap<string, number>,
): Promise<void> {
  const pods = await podsOf(client, namespace, title)
  const unready = pods.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name)
  if (unready.length > 0) {
    throw new StepFailure('unproved', `${title} did not stay ready: ${some(unready)}`)
  }
  const restarted = pods
    .filter((pod) => restartCount(pod) > (restartsBefore.get(pod.metadata.uid ?? '') ?? 0))
    .map(({ metadata }) => metadata.name)
  if (restarted.length > 0) {
    throw new StepFailure('unproved', `containers of ${title} restarted: ${some(restarted)}`)
  }
}

/** More failures than this workload has always had. */
function assertGood(
  title: string,
  { first, last, now }: Readonly<Record<'first' | 'last' | 'now', Traffic>>,
  { maxErrorRate, leastRequests }: GateOptions,
): void {
  const all = now.total - last.total
  const bad = now.failed - last.failed
  const usual = first.total === 0 ? 0 : first.failed / first.total
  if (all < leastRequests || bad / all <= usual + maxErrorRate) return
  const refused = now.refused - last.refused
  const rejected = refused > 0 ? `, ${refused} of them refused by policy` : ''
  throw new StepFailure(
    'unproved',
    `${bad} of ${all} requests to ${title} failed since its restart${rejected}`,
  )
}

function sentence(
  title: string,
  first: Traffic | undefined,
  last: Traffic | undefined,
  { intervals, intervalMs }: GateOptions,
): string {
  const held = `${title} stayed ready for ${(intervals * intervalMs) / 1000} s`
  if (first === undefined || last === undefined) return `${held}; no proxy could be asked about it`
  const all = last.total - first.total
  if (all === 0) return `${held}; nobody called it`
  const p99 = last.p99Since(first)
  const latency = p99 === undefined ? '' : `, p99 at most ${p99} ms`
  return `${held}: ${last.failed - first.failed} of ${all} requests failed${latency}`
}
