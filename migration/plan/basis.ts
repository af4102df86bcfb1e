import type { KubeObject } from '../../cluster/objects.ts'
import type { InventoryKind } from '../inventory/kinds.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Plan } from '../result/plan.ts'
import { digest, essence } from './digest.ts'
import { meshFacts, readable } from './mesh.ts'
import { nameOf } from './selection.ts'

/**
 * What of which objects decides. Pods do not: they come and go, and a plan holds for those there are when it
 * is applied. Nor do replicas, which autoscalers change.
 */
const deciding: Partial<Record<InventoryKind, Part>> = {
  namespace: whole('cluster', 'metadata'),
  service: whole('namespaces'),
  deployment: workload('template', 'selector', 'strategy'),
  statefulSet: workload('template', 'selector', 'updateStrategy'),
  daemonSet: workload('template', 'selector', 'updateStrategy'),
  networkPolicy: whole('namespaces'),
  authorizationPolicy: whole('mesh'),
  peerAuthentication: whole('mesh'),
  requestAuthentication: whole('mesh'),
  envoyFilter: whole('mesh'),
  wasmPlugin: whole('mesh'),
  telemetry: whole('mesh'),
  sidecar: whole('mesh'),
  virtualService: whole('everywhere'),
  destinationRule: whole('everywhere'),
  httpRoute: whole('everywhere'),
  gateway: whole('namespaces'),
  serviceEntry: whole('mesh'),
  workloadEntry: whole('namespaces'),
  configMap: whole('root'),
  gatewayClass: whole('classes'),
}

interface Part {
  /** Whose objects: of the namespaces to migrate, also the root's (`mesh`), ... */
  readonly of: 'cluster' | 'namespaces' | 'mesh' | 'root' | 'everywhere' | 'classes'
  readonly take: (object: KubeObject) => unknown
}

function whole(of: Part['of'], ...only: readonly ['metadata'] | readonly []): Part {
  const take =
    only.length === 0
      ? essence
      : ({ metadata, ...rest }: KubeObject) =>
          essence({ apiVersion: rest.apiVersion, kind: rest.kind, metadata })
  return { of, take }
}

function workload(...fields: readonly string[]): Part {
  const take = ({ spec, ...object }: KubeObject): unknown => {
    const own = (spec ?? {}) as Readonly<Record<string, unknown>>
    return essence({ ...object, spec: Object.fromEntries(fields.map((key) => [key, own[key]])) })
  }
  return { of: 'mesh', take }
}

/** Everything a plan follows from, object by object. */
export function basisOf(snapshot: Snapshot, namespaces: readonly string[]): Plan['basis'] {
  const { rootNamespace } = meshFacts(snapshot)
  const within = (of: Part['of'], { metadata }: KubeObject): boolean => {
    const { name, namespace = '' } = metadata
    if (of === 'cluster') return namespaces.includes(name)
    if (of === 'everywhere') return true
    if (of === 'classes') return name.startsWith('istio-')
    if (of === 'root') return namespace === rootNamespace && name.startsWith('istio')
    if (of === 'mesh' && namespace === rootNamespace) return true
    return namespaces.includes(namespace)
  }
  const digests = Object.entries(deciding).flatMap(([kind, part]) =>
    readable(() => snapshot.items(kind as InventoryKind))
      .filter((object) => within(part.of, object))
      .map((object) => [keyOf(object), digest(part.take(object))] as const),
  )
  const objects = Object.fromEntries(digests.sort(([a], [b]) => (a < b ? -1 : 1)))
  return { hash: digest(objects), objects }
}

/** Two kinds are called Gateway. */
function keyOf(object: KubeObject): string {
  return object.apiVersion.startsWith('networking.istio.io') && object.kind === 'Gateway'
    ? `istio ${nameOf(object)}`
    : nameOf(object)
}

export interface Drift {
  readonly changed: readonly string[]
  readonly appeared: readonly string[]
  readonly gone: readonly string[]
}

/** What is no longer as the plan saw it; undefined when nothing is. */
export function driftOf(
  plan: Pick<Plan, 'basis' | 'options'>,
  snapshot: Snapshot,
): Drift | undefined {
  const before = plan.basis.objects
  const now = basisOf(snapshot, plan.options.namespaces).objects
  const changed = Object.keys(before).filter((key) => key in now && now[key] !== before[key])
  const gone = Object.keys(before).filter((key) => !(key in now))
  const appeared = Object.keys(now).filter((key) => !(key in before))
  if (changed.length + gone.length + appeared.length === 0) return undefined
  return { changed, appeared, gone }
}
