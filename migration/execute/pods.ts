import type { ClusterClient } from '../../cluster/client/types.ts'
import { type ContainerStatus, kinds, type Pod } from '../../cluster/kinds.ts'
import type { PodIdentity } from '../journal/entry.ts'
import type { Execution } from '../result/execution.ts'

export async function identitiesIn(
  client: ClusterClient,
  namespaces: readonly string[],
): Promise<readonly PodIdentity[]> {
  const lists = await Promise.all(
    namespaces.map((namespace) =>
      client.listEach<Pod, PodIdentity>(kinds.pod, { namespace }, identityOf),
    ),
  )
  return lists.flat()
}

export function identityOf({ metadata, status }: Pod): PodIdentity {
  const containers = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]
  const workload = workloadOf(metadata)
  const { phase } = status ?? {}
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    uid: metadata.uid ?? '',
    ...(workload !== undefined && { workload }),
    ended: phase === 'Succeeded' || phase === 'Failed' || metadata.deletionTimestamp !== undefined,
    startTime: status?.startTime ?? '',
    restarts: Object.fromEntries(
      containers.map(({ name, restartCount }) => [name, restartCount ?? 0]),
    ),
    startedAt: Object.fromEntries(
      containers.flatMap((container) => {
        const at = startOf(container)
        return at === undefined ? [] : [[container.name, at]]
      }),
    ),
  }
}

/** `Deployment cart`: whose rollout recreates the pod. */
export function workloadOf(metadata: Pod['metadata']): string | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  if (owner === undefined) return undefined
  const hash = metadata.labels?.['pod-template-hash']
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return `Deployment ${owner.name.slice(0, -hash.length - 1)}`
  }
  return `${owner.kind} ${owner.name}`
}

function startOf({ state }: ContainerStatus): string | undefined {
  return state?.running?.startedAt ?? state?.terminated?.startedAt
}

/** What happened to one pod that was there before; undefined when nothing did. */
export function whatHappened(
  before: PodIdentity,
  now: PodIdentity | undefined,
): string | undefined {
  if (now === undefined || now.uid !== before.uid) {
    return now === undefined ? 'is gone' : 'was replaced by another of the same name'
  }
  // Those of jobs end by themselves, that is their purpose.
  if (now.ended && !before.ended && !before.workload?.startsWith('Job ')) {
    return 'has ended or is being deleted'
  }
  for (const [container, restarts] of Object.entries(before.restarts)) {
    const after = now.restarts[container] ?? 0
    if (after > restarts) return `container ${container} was restarted ${after - restarts} times`
  }
  for (const [container, startedAt] of Object.entries(before.startedAt)) {
    const after = now.startedAt[container]
    if (after !== undefined && after !== startedAt)
      return `container ${container} began anew at ${after}`
  }
  if (before.startTime !== '' && now.startTime !== before.startTime) {
    return `it began anew at ${now.startTime}`
  }
  return undefined
}

/** The proof of no restart. `converted` are the workloads that were restarted on request. */
export function comparePods(
  before: readonly PodIdentity[],
  now: readonly PodIdentity[],
  converted: (pod: PodIdentity) => boolean,
): Execution['pods'] {
  const present = new Map(now.map((pod) => [keyOf(pod), pod]))
  // What had ended, or was about to, is not what a migration could have restarted.
  const alive = before.filter(({ ended }) => !ended)
  const others: { pod: string; what: string }[] = []
  let untouched = 0
  let restarted = 0
  for (const pod of alive) {
    const what = whatHappened(pod, present.get(keyOf(pod)))
    if (what === undefined) untouched += 1
    else if (converted(pod)) restarted += 1
    else others.push({ pod: keyOf(pod), what })
  }
  return { before: alive.length, untouched, converted: restarted, others }
}

function keyOf({ namespace, name }: PodIdentity): string {
  return `${namespace}/${name}`
}
