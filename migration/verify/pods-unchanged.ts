import type { Deployment, Pod } from '../../cluster/kinds.ts'
import { kinds } from '../../cluster/kinds.ts'
import { identityOf, whatHappened } from '../execute/pods.ts'
import { StepFailure } from '../execute/refusal.ts'
import type { PodIdentity } from '../journal/entry.ts'
import { countOf, namespaceOf, some, type Verifier, type VerifyContext } from './context.ts'

/**
 * No pod of the namespace was restarted by the step. What restarted a container is not known, so any
 * restart is a failure: probes that no longer get through look just like that.
 */
export const verifyPodsUnchanged: Verifier = async (verification, context) => {
  const namespace = namespaceOf(verification)
  const before = context.podsBefore.filter((pod) => pod.namespace === namespace && !pod.ended)
  const pods = await context.client.list<Pod>(kinds.pod, { namespace })
  const now = new Map(pods.map((pod) => [pod.metadata.name, identityOf(pod)]))
  const changed = before.flatMap((pod) => {
    const what = whatHappened(pod, now.get(pod.name))
    return what === undefined ? [] : [{ pod, what }]
  })
  const scaledDown = await surplusOf(
    context,
    namespace,
    changed.map(({ pod }) => pod),
    before,
  )
  const restarted = changed.filter(({ pod }) => !scaledDown.has(pod.name) && !isOfJob(pod))
  if (restarted.length > 0) {
    const names = restarted.map(({ pod, what }) => `${pod.name} ${what}`)
    throw new StepFailure('unproved', `pods did not stay as they were: ${some(names, 3)}`)
  }
  const kept = before.length - changed.length
  return [
    `${countOf(kept, 'pod')} of ${namespace}: same UID, restart counts and start times as before`,
    ...(changed.length > 0
      ? [`scaled down or ended by themselves: ${some(changed.map(({ pod }) => pod.name))}`]
      : []),
  ]
}

/** They end, that is their purpose. */
function isOfJob({ workload }: PodIdentity): boolean {
  return workload?.startsWith('Job ') ?? false
}

/** Pods that went because their workload is to have fewer of them now. */
async function surplusOf(
  { client }: VerifyContext,
  namespace: string,
  gone: readonly PodIdentity[],
  before: readonly PodIdentity[],
): Promise<ReadonlySet<string>> {
  const surplus = new Set<string>()
  for (const workload of new Set(gone.map((pod) => pod.workload))) {
    const [kind, name] = workload?.split(' ') ?? []
    if (name === undefined || (kind !== 'Deployment' && kind !== 'StatefulSet')) continue
    const ref = {
      ...(kind === 'Deployment' ? kinds.deployment : kinds.statefulSet),
      name,
      namespace,
    }
    const owner = await client.get<Deployment>(ref)
    const wanted = owner === undefined ? 0 : (owner.spec.replicas ?? 1)
    const had = before.filter((pod) => pod.workload === workload)
    const lost = gone.filter((pod) => pod.workload === workload)
    if (had.length - lost.length >= wanted) for (const pod of lost) surplus.add(pod.name)
  }
  return surplus
}
