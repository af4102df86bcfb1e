import { kinds, type Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { type OpenCanary, stateOf } from '../journal/state.ts'
import { canaryCall, canaryLabel } from '../verify/canary-pod.ts'
import type { Canaries } from '../verify/context.ts'
import { carryOut } from './carry-out.ts'
import { type Patience, patiently } from './patience.ts'
import { namespacesOf } from './result.ts'
import type { Run } from './run.ts'

/** After Ctrl-C too: whoever waits for the prompt does not wait for long. */
const removing: Patience = { deadlineMs: 10_000, firstMs: 200, mostMs: 2_000 }
/** Its grace is one second. */
const goneWithinMs = 10_000
const pauseMs = 100

/** In the journal before they exist, so that no crash leaves one that nobody knows of. */
export function canariesOf(run: Run, step: string): Canaries {
  return {
    during: async (pod, work) => {
      const { name, namespace = '' } = pod.metadata
      await run.assertHeld()
      await run.journal.write({ entry: 'canary', step, namespace, name })
      try {
        await carryOut(run.carryOut, { call: canaryCall(pod) })
        return await work()
      } finally {
        await removeCanary(run, { namespace, name })
      }
    },
  }
}

/**
 * All that earlier runs have left behind, of other migrations too: whoever holds the leases of the
 * namespaces knows that nobody else proves anything there.
 */
export async function removeCanaries(run: Run): Promise<void> {
  const known = stateOf(run.journal.entries()).canaries
  const lists = await Promise.all(
    namespacesOf(run).map((namespace) =>
      run.reader.list<Pod>(kinds.pod, { namespace, labelSelector: canaryLabel }),
    ),
  )
  const found = lists.flat().map(({ metadata }) => ({
    namespace: metadata.namespace ?? '',
    name: metadata.name,
  }))
  const unknown = found.filter(({ name }) => !known.some((one) => one.name === name))
  for (const canary of [...known, ...unknown]) await removeCanary(run, canary)
}

/** Told, not thrown: a pod that ends by itself in ten minutes is no reason to fail. */
async function removeCanary(run: Run, { namespace, name }: OpenCanary): Promise<void> {
  const ref = { ...kinds.pod, name, namespace }
  const { client, journal } = run
  try {
    await patiently(async () => {
      const found = await client.get<KubeObject>(ref)
      // Whatever else bears its name now is somebody else's.
      if (found?.metadata.labels?.[canaryLabel] === undefined) return
      const { uid = '' } = found.metadata
      await client.delete(ref, { uid })
      const deadlineMs = performance.now() + goneWithinMs
      while (performance.now() < deadlineMs) {
        if ((await client.get<KubeObject>(ref))?.metadata.uid !== uid) return
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }, removing)
    await journal.write({ entry: 'canary-removed', namespace, name })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const remedy = `kubectl -n ${namespace} delete pod ${name}`
    await run.emit({
      event: 'notice',
      text: `the canary ${namespace}/${name} could not be removed (${why}): ${remedy}, or it ends by itself in ten minutes`,
    })
  }
}
