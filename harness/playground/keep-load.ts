import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { generatorName } from '../deploy/names.ts'
import { isReady, type Pod, podKind } from '../deploy/pods.ts'
import { runLoad } from '../experiment/load-stream.ts'
import type { LoadPlan, LoadPoint } from '../load/protocol.ts'

export interface KeptLoad {
  readonly namespace: string
  readonly entry: string
  readonly ratePerSecond: number
}

/** What the view's figures cover. */
export const recentMs = 10_000

/** Between two attempts, when the generator is being restarted or moved. */
const retryMs = 1_000

/** More than light load needs, so that a slow moment is over when it is over. */
const connections = 32

/**
 * Keeps load going until aborted, through restarts of the generator too. `onPoint` gets undefined when
 * there is no load at the moment.
 */
export async function keepLoad(
  client: ClusterClient,
  kept: KeptLoad,
  onPoint: (point: LoadPoint | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = kept
  while (!signal.aborted) {
    try {
      const pod = await readyGenerator(client, namespace)
      if (pod !== undefined) {
        await runLoad(
          client,
          { namespace, pod },
          planFor(kept),
          (event) => {
            if (event.event === 'progress') onPoint(event.point)
          },
          signal,
        )
      }
    } catch {
      // The pod went away with its load; the next one gets a new one.
    }
    if (signal.aborted) return
    onPoint(undefined)
    await sleep(retryMs, undefined, { signal }).catch(() => undefined)
  }
}

async function readyGenerator(
  client: ClusterClient,
  namespace: string,
): Promise<string | undefined> {
  const labelSelector = `app=${generatorName}`
  const pods = await client.list<Pod>(podKind, { namespace, labelSelector })
  return pods.find(isReady)?.metadata.name
}

/** A connection per request: each goes the way that the labels of this moment say. */
function planFor({ entry, ratePerSecond }: KeptLoad): LoadPlan {
  return {
    service: entry,
    path: '/',
    method: 'GET',
    requestBytes: 0,
    headers: {},
    model: 'open',
    ratePerSecond,
    arrivals: 'jittered',
    connections,
    keepAlive: false,
    timeoutMs: 5_000,
    warmupMs: 0,
    windowMs: recentMs,
    windows: 'continuous',
    seed: 1,
  }
}
