import { sameJson as sameTemplate } from '../api/json.ts'
import { type Deployment, kinds, type PodTemplate, type ReplicaSet } from '../kinds.ts'
import { inProcessAnnotation } from '../mesh-labels.ts'
import { sameJson, withCondition } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createEventRecorder } from './events.ts'
import { createLoop, triggerOn } from './loop.ts'
import { hashSuffix, isOwnedBy, ownerReference, refOf } from './ownership.ts'
import { type Generation, nextSizes, resolveLimit } from './rollout.ts'

const hashLabel = 'pod-template-hash'
const revisionKey = 'deployment.kubernetes.io/revision'
const defaultHistory = 10

/** A ReplicaSet per pod template, sized so that a change of template rolls through the pods. */
export function startDeploymentController({ store, view, onError }: ControllerContext): Controller {
  const record = createEventRecorder(store, 'deployment-controller')

  const reconcile = (deployment: Deployment, sets: readonly ReplicaSet[]): void => {
    const { deletionTimestamp, annotations } = deployment.metadata
    if (deletionTimestamp || annotations?.[inProcessAnnotation]) return
    const owned = sets
      .filter((set) => isOwnedBy(set, deployment) && !set.metadata.deletionTimestamp)
      .sort((a, b) => revision(a) - revision(b))
    const { template } = deployment.spec
    const current =
      owned.find((set) => sameTemplate(plain(set.spec.template), plain(template))) ??
      (deployment.spec.paused ? owned.at(-1) : undefined) ??
      create(deployment, revision(owned.at(-1)) + 1)
    // Paused before its first template was rolled out: there is nothing to run yet.
    if (current === undefined) return
    const old = owned.filter((set) => set !== current)
    number(deployment, current, old)
    passOn(deployment, current)

    for (const [name, replicas] of sizes(deployment, current, old)) {
      const set = name === current.metadata.name ? current : old.find((one) => nameOf(one) === name)
      if (set) resize(deployment, set, replicas)
    }
    const emptied = old.filter((set) => set.spec.replicas === 0 && !set.status?.replicas)
    const keep = deployment.spec.revisionHistoryLimit ?? defaultHistory
    for (const set of emptied.slice(0, Math.max(emptied.length - keep, 0))) store.delete(refOf(set))

    const status = statusOf(deployment, current, old)
    if (sameJson(status, deployment.status)) return
    store.mutateStatus<Deployment>(refOf(deployment), (found) => ({ ...found, status }))
  }

  const create = (deployment: Deployment, revisionNumber: number): ReplicaSet | undefined => {
    if (deployment.spec.paused) return undefined
    return store.create(
      replicaSet(deployment, hashSuffix(plain(deployment.spec.template)), revisionNumber),
    )
  }

  const passOn = ({ spec: { minReadySeconds } }: Deployment, set: ReplicaSet): void => {
    if ((set.spec.minReadySeconds ?? 0) === (minReadySeconds ?? 0)) return
    store.mutate<ReplicaSet>(refOf(set), (found) => {
      const { minReadySeconds: _, ...spec } = found.spec
      return { ...found, spec: { ...spec, ...(minReadySeconds ? { minReadySeconds } : {}) } }
    })
  }

  const resize = (deployment: Deployment, set: ReplicaSet, replicas: number): void => {
    const before = set.spec.replicas ?? 1
    if (before === replicas) return
    store.mutate<ReplicaSet>(refOf(set), (found) => ({
      ...found,
      spec: { ...found.spec, replicas },
    }))
    const how = replicas > before ? 'up' : 'down'
    const message = `Scaled ${how} replica set ${nameOf(set)} from ${before} to ${replicas}`
    record(deployment, { reason: 'ScalingReplicaSet', message })
  }

  /** A template that comes back, by `rollout undo` for example, is the newest revision again. */
  const number = (
    deployment: Deployment,
    current: ReplicaSet,
    old: readonly ReplicaSet[],
  ): void => {
    const given = Math.max(revision(current), Math.max(0, ...old.map(revision)) + 1)
    for (const object of [current, deployment]) {
      if (object.metadata.annotations?.[revisionKey] === String(given)) continue
      store.mutate(refOf(object), (found) => {
        const annotations = { ...found.metadata.annotations, [revisionKey]: String(given) }
        return { ...found, metadata: { ...found.metadata, annotations } }
      })
    }
  }

  const loop = createLoop(
    () => {
      const sets = store.list<ReplicaSet>(kinds.replicaSet)
      for (const deployment of store.list<Deployment>(kinds.deployment)) reconcile(deployment, sets)
    },
    { onError },
  )
  return triggerOn(loop, [view.deployments, view.replicaSets])
}

/** The template as people wrote it, without the label that tells generations apart. */
function plain(template: PodTemplate): PodTemplate {
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {}
  return { ...template, metadata: { ...template.metadata, labels } }
}

function sizes(
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): ReadonlyMap<string, number> {
  const desired = deployment.spec.replicas ?? 1
  const rolling = deployment.spec.strategy?.rollingUpdate
  if (deployment.spec.strategy?.type === 'Recreate') {
    const gone = old.every((set) => !set.status?.replicas)
    return new Map([
      ...old.map((set) => [nameOf(set), 0] as const),
      [nameOf(current), gone ? desired : 0],
    ])
  }
  const surge = resolveLimit(rolling?.maxSurge, desired, 'up')
  const missing = resolveLimit(rolling?.maxUnavailable, desired, 'down')
  const stuck = surge === 0 && missing === 0
  return nextSizes(generation(current), old.map(generation), {
    desired,
    maxSurge: surge,
    maxUnavailable: stuck ? 1 : missing,
  })
}

function generation(set: ReplicaSet): Generation {
  return {
    name: nameOf(set),
    replicas: set.spec.replicas ?? 1,
    available: set.status?.availableReplicas ?? 0,
  }
}

function replicaSet(deployment: Deployment, hash: string, revisionNumber: number): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec
  const labels = { ...template.metadata?.labels, [hashLabel]: hash }
  const { namespace } = deployment.metadata
  return {
    ...kinds.replicaSet,
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(namespace ? { namespace } : {}),
      labels,
      annotations: { [revisionKey]: String(revisionNumber) },
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}

function statusOf(
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): Deployment['status'] {
  const all = [current, ...old]
  const total = (read: (set: ReplicaSet) => number | undefined): number =>
    all.reduce((sum, set) => sum + (read(set) ?? 0), 0)
  const desired = deployment.spec.replicas ?? 1
  const available = total((set) => set.status?.availableReplicas)
  const updated = current.status?.replicas ?? 0
  const required =
    desired - resolveLimit(deployment.spec.strategy?.rollingUpdate?.maxUnavailable, desired, 'down')
  const done = updated === desired && available === desired
  const conditions = withCondition(deployment.status?.conditions, {
    type: 'Available',
    status: available >= required ? 'True' : 'False',
    reason: available >= required ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: `Deployment ${available >= required ? 'has' : 'does not have'} minimum availability.`,
  })
  return {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas: total((set) => set.status?.replicas),
    updatedReplicas: updated,
    readyReplicas: total((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(desired - available, 0),
    conditions: withCondition(conditions, {
      type: 'Progressing',
      status: 'True',
      reason: done ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
      message: `ReplicaSet "${nameOf(current)}" ${done ? 'has successfully progressed' : 'is progressing'}.`,
    }),
  }
}

function revision(set: ReplicaSet | undefined): number {
  return Number(set?.metadata.annotations?.[revisionKey] ?? 0)
}

function nameOf(set: ReplicaSet): string {
  return set.metadata.name
}
