import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { isReady } from '../fixtures/running-core.ts'

/** The pods of a namespace, once there are that many and all are ready. */
export async function readyPods(
  client: ClusterClient,
  namespace: string,
  count: number,
): Promise<readonly Pod[]> {
  const deadlineMs = Date.now() + 30_000
  for (;;) {
    const pods = await client.list<Pod>(kinds.pod, { namespace })
    const ready = pods.filter(isReady).length
    if (pods.length === count && ready === count) return pods
    assert.ok(Date.now() < deadlineMs, `${ready} of ${count} pods of ${namespace} are ready`)
    await sleep(50)
  }
}
