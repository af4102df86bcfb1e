import {
  type DaemonSet,
  type Deployment,
  kinds,
  type Pod,
  type StatefulSet,
} from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { nameOf } from '../execute/call.ts'
import { workloadOf } from '../execute/pods.ts'
import { StepFailure } from '../execute/refusal.ts'
import { countOf, refIn, some, untilProved, type Verifier, type VerifyContext } from './context.ts'

type Workload = Deployment | StatefulSet | DaemonSet

export const verifyRolledOut: Verifier = (verification, context) => {
  const ref = refIn(verification)
  return untilProved(context, async () => {
    const { apiVersion, kind, name, namespace = 'default' } = ref
    const workload = await context.client.get<KubeObject & Workload>({
      apiVersion,
      kind,
      name,
      namespace,
    })
    if (workload === undefined)
      throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
    const progress = rolloutOf(workload)
    if (progress.done) {
      const pods = countOf(progress.wanted, 'pod')
      return { evidence: [`${nameOf(ref)} has rolled out: ${pods} updated and available`] }
    }
    const troubles = await troublesOf(context, namespace, `${kind} ${name}`)
    const why = troubles.length > 0 ? `; ${some(troubles, 2)}` : ''
    const missing = `${nameOf(ref)}: ${progress.text}${why}`
    if (progress.stuck) throw new StepFailure('unproved', missing)
    return { missing }
  })
}

export interface Rollout {
  readonly done: boolean
  /** Its controller has given up. */
  readonly stuck: boolean
  readonly wanted: number
  readonly text: string
}

/** As `kubectl rollout status` reads it (kubectl pkg/polymorphichelpers/rollout_status.go). */
export function rolloutOf(workload: Workload): Rollout {
  const { generation = 1 } = workload.metadata
  const observed = (workload.status?.observedGeneration ?? 0) >= generation
  const counts = countsOf(workload)
  const { wanted, updated, available, total } = counts
  const done = observed && updated >= counts.updating && available >= wanted && total <= wanted
  const stuck =
    workload.kind === 'Deployment' &&
    ((workload as Deployment).status?.conditions ?? []).some(
      ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
    )
  const text = observed
    ? `${updated} of ${counts.updating} pods updated, ${available} of ${wanted} available`
    : 'its controller has not seen the change yet'
  return { done, stuck: observed && stuck && !done, wanted, text }
}

interface Counts {
  readonly wanted: number
  /** How many are to be of the new template. */
  readonly updating: number
  readonly updated: number
  readonly available: number
  readonly total: number
}

function countsOf(workload: Workload): Counts {
  if (workload.kind === 'DaemonSet') {
    const { status } = workload as DaemonSet
    const wanted = status?.desiredNumberScheduled ?? 0
    return {
      wanted,
      updating: wanted,
      updated: status?.updatedNumberScheduled ?? 0,
      available: status?.numberAvailable ?? 0,
      // A surge has two pods on a node and counts them once.
      total: wanted,
    }
  }
  const wanted = (workload as Deployment).spec.replicas ?? 1
  const status = (workload as Deployment).status
  const partition =
    workload.kind === 'StatefulSet'
      ? ((workload as StatefulSet).spec.updateStrategy?.rollingUpdate?.partition ?? 0)
      : 0
  return {
    wanted,
    updating: Math.max(wanted - partition, 0),
    updated: status?.updatedReplicas ?? 0,
    available: status?.availableReplicas ?? status?.readyReplicas ?? 0,
    total: status?.replicas ?? 0,
  }
}

/** What keeps its pods from being ready, in the words of the kubelet. */
async function troublesOf(
  { client }: VerifyContext,
  namespace: string,
  workload: string,
): Promise<readonly string[]> {
  const pods = await client.list<Pod>(kinds.pod, { namespace })
  return pods
    .filter(({ metadata }) => workloadOf(metadata) === workload)
    .flatMap(({ metadata, status }) => {
      const waiting = [
        ...(status?.initContainerStatuses ?? []),
        ...(status?.containerStatuses ?? []),
      ]
        .map(({ state }) => state?.waiting)
        .find(
          (one) =>
            one !== undefined && !['PodInitializing', 'ContainerCreating'].includes(one.reason),
        )
      if (waiting) return [`${metadata.name}: ${waiting.reason} ${waiting.message ?? ''}`.trim()]
      const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
      return scheduled?.status === 'False' ? [`${metadata.name}: ${scheduled.message}`] : []
    })
}
