import type { KubeObject } from '../../cluster/objects.ts'
import type { InventoryKind } from '../../migration/inventory/kinds.ts'
import {
  type AccessQuestion,
  type Callee,
  type Caller,
  type ConfigMap,
  NotReadable,
  type Snapshot,
} from '../../migration/inventory/snapshot.ts'
import { snapshotOf } from './snapshots.ts'

export interface SnapshotFacts {
  readonly objects?: readonly KubeObject[]
  readonly namespaces?: readonly string[]
  /** Kinds that could not be read, and why. */
  readonly unreadable?: Partial<Record<InventoryKind, string>>
  /** @default everything */
  readonly allowed?: (question: AccessQuestion) => boolean
  /** By namespace; a text says why they are unknown. @default nobody */
  readonly callers?: Readonly<Record<string, readonly Caller[]>> | string
  readonly callees?: Readonly<Record<string, readonly Callee[]>> | string
  /** As if the objects came from exported files. */
  readonly files?: boolean
}

/** A snapshot whose probes were all read, with what they tell. */
export function readSnapshot(facts: SnapshotFacts = {}): Snapshot {
  const { objects = [], namespaces = ['shop'], unreadable = {} } = facts
  const told = <T>(
    lists: Readonly<Record<string, readonly T[]>> | string | undefined,
    namespace: string,
  ): readonly T[] => {
    if (typeof lists === 'string') throw new NotReadable(lists)
    return lists?.[namespace] ?? []
  }
  const base = snapshotOf(objects, {
    namespaces,
    ...(facts.files && {
      source: { from: 'files', directory: 'exported', faults: [], assumed: [] },
    }),
  })
  const items = <T extends KubeObject>(kind: InventoryKind): readonly T[] => {
    const why = unreadable[kind]
    if (why !== undefined) throw new NotReadable(why)
    return base.items<T>(kind)
  }
  return {
    ...base,
    items,
    probes: {
      allowed: facts.allowed ?? (() => true),
      callers: (namespace) => told(facts.callers, namespace),
      callees: (namespace) => told(facts.callees, namespace),
      callersBasis: (namespace) => {
        told(facts.callers, namespace)
        return `metrics of 2 of 2 proxies of ${namespace}, since each started`
      },
      configMap: (namespace, name) =>
        items<ConfigMap>('configMap').find(
          ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
        ),
      dashboards: () =>
        items<ConfigMap>('configMap').filter(
          ({ metadata }) => metadata.labels?.grafana_dashboard !== undefined,
        ),
    },
  }
}
