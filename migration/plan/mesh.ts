import type { DaemonSet } from '../../cluster/kinds.ts'
import { liveTakeoverAnnotation } from '../../cluster/mesh-labels.ts'
import { controlPlanes, meshConfigs } from '../inventory/mesh.ts'
import { NotReadable, type Snapshot } from '../inventory/snapshot.ts'
import type { Version } from '../inventory/versions.ts'

/** What of the mesh's own configuration decides how a namespace moves. */
export interface MeshFacts {
  readonly trustDomain: string
  readonly trustDomainAliases: readonly string[]
  readonly rootNamespace: string
  readonly istioVersion?: string
  readonly liveTakeover: boolean
}

const known = new WeakMap<Snapshot, MeshFacts>()

/** Defaults stand for whatever cannot be read; the check that wanted it says so. */
export function meshFacts(snapshot: Snapshot): MeshFacts {
  const facts = known.get(snapshot) ?? readFacts(snapshot)
  known.set(snapshot, facts)
  return facts
}

function readFacts(snapshot: Snapshot): MeshFacts {
  const [istiod] = readable(() => controlPlanes(snapshot))
  const config = readable(() => meshConfigs(snapshot)).find(
    ({ revision }) => revision === 'default',
  )?.config
  const { trustDomain, trustDomainAliases, rootNamespace } = config ?? {}
  return {
    trustDomain: textOf(trustDomain) ?? 'cluster.local',
    trustDomainAliases: Array.isArray(trustDomainAliases)
      ? trustDomainAliases.flatMap((one) => textOf(one) ?? [])
      : [],
    rootNamespace: textOf(rootNamespace) ?? snapshot.rootNamespace,
    ...(istiod?.version && { istioVersion: numbersOf(istiod.version) }),
    liveTakeover: takesOverLive(snapshot),
  }
}

function numbersOf({ major, minor, patch }: Version): string {
  return `${major}.${minor}.${patch}`
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The embedded cluster says so on its ztunnels. */
function takesOverLive(snapshot: Snapshot): boolean {
  return readable(() => snapshot.items<DaemonSet>('daemonSet')).some(
    ({ metadata }) => metadata.annotations?.[liveTakeoverAnnotation] === 'true',
  )
}

/** Nothing where it could not be read: for what a check reports on its own. */
export function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof NotReadable) return []
    throw error
  }
}
