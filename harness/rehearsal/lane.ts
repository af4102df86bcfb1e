import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { generatorName, generatorPort } from '../deploy/names.ts'
import { isReady, type Pod, podKind } from '../deploy/pods.ts'
import { runLoad } from '../experiment/load-stream.ts'
import type { LoadPlan } from '../load/protocol.ts'
import { LaneLog } from './lane-log.ts'

export interface Lane {
  readonly log: LaneLog
  /** Nothing new is sent; what is on its way is still told of. */
  stop(): Promise<void>
  /** How often its stream broke off: what was under way then is not accounted for. */
  broken(): number
  /** Rejects when the load cannot go on; resolves after `stop`. */
  readonly ended: Promise<void>
}

/** Between two looks for a generator, when it is being replaced. */
const retryMs = 100

/** A caller that is gone for longer than a rollout takes is not coming back. */
const patienceMs = 60_000

/** Keeps one lane of load going through replacements of its generator, until stopped. */
export function startLane(
  client: ClusterClient,
  namespace: string,
  plan: LoadPlan,
  signal: AbortSignal,
): Lane {
  const log = new LaneLog()
  let stopping = false
  let broken = 0
  let pod: string | undefined

  const keepGoing = async (): Promise<void> => {
    let goneSinceMs = performance.now()
    let failure: unknown
    await warmUp(client, namespace, plan, signal)
    while (!stopping && !signal.aborted) {
      pod = await newestGenerator(client, namespace)
      if (pod !== undefined) {
        try {
          await session(client, { namespace, pod }, plan, log, signal)
          goneSinceMs = performance.now()
        } catch (error) {
          failure = error
          if (!signal.aborted) broken += 1
        }
        log.end(Date.now())
      }
      if (stopping || signal.aborted) return
      if (performance.now() - goneSinceMs > patienceMs) {
        throw failure ?? new Error(`no load generator in ${namespace}`)
      }
      await sleep(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }
  const ended = keepGoing()
  ended.catch(() => undefined)
  return {
    log,
    broken: () => broken,
    ended,
    stop: async () => {
      stopping = true
      if (pod !== undefined) await askToEnd(client, namespace, pod, plan.lane ?? '')
      await ended
    },
  }
}

/** Slowly up to the rate: proxies that have not seen load yet are several times as dear per request. */
const rampShares = [0.1, 0.3, 0.6]
const rampStepMs = 2_000

async function warmUp(
  client: ClusterClient,
  namespace: string,
  plan: LoadPlan,
  signal: AbortSignal,
): Promise<void> {
  const pod = await newestGenerator(client, namespace)
  for (const share of pod === undefined ? [] : rampShares) {
    const ratePerSecond = plan.ratePerSecond * share
    const slice = {
      ...plan,
      ratePerSecond,
      windows: 'once',
      windowMs: rampStepMs,
      trace: false,
    } as const
    await runLoad(client, { namespace, pod: pod ?? '' }, slice, () => undefined, signal)
  }
}

async function session(
  client: ClusterClient,
  target: { readonly namespace: string; readonly pod: string },
  plan: LoadPlan,
  log: LaneLog,
  signal: AbortSignal,
): Promise<void> {
  await runLoad(
    client,
    target,
    plan,
    (event) => {
      if (event.event === 'window-start') log.begin(event.atMs)
      if (event.event === 'requests') log.add(event.requests)
      if (event.event === 'window-end') log.end(event.atMs)
    },
    signal,
  )
}

/** During a rollout the new one, so that the old one's end is not waited for. */
async function newestGenerator(
  client: ClusterClient,
  namespace: string,
): Promise<string | undefined> {
  const labelSelector = `app=${generatorName}`
  const pods = await client.list<Pod>(podKind, { namespace, labelSelector })
  const ready = pods.filter(isReady)
  const at = ({ metadata }: Pod): string => metadata.creationTimestamp ?? ''
  return ready.sort((a, b) => at(b).localeCompare(at(a)))[0]?.metadata.name
}

async function askToEnd(
  client: ClusterClient,
  namespace: string,
  pod: string,
  lane: string,
): Promise<void> {
  const path = `/end?lane=${encodeURIComponent(lane)}`
  const answer = await client
    .podRequest({ namespace, pod, port: generatorPort, path, method: 'POST' })
    .catch(() => undefined)
  await answer?.text()
}
