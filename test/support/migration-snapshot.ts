import type { KubeObject } from '../../cluster/objects.ts'
import { type InventoryKind, inventoryKinds } from '../../migration/inventory/kinds.ts'
import {
  type AccessQuestion,
  type Callee,
  type Caller,
  type ConfigMap,
  NotReadable,
  type Snapshot,
} from '../../migration/inventory/snapshot.ts'

export interface SnapshotFacts {
  readonly objects?: readonly KubeObject[]
  /** @default ['shop'] */
  readonly namespaces?: readonly string[]
  /** Kinds that could not be read, and why. */
  readonly unreadable?: Partial<Record<InventoryKind, string>>
  /** @default everything */
  readonly allowed?: (question: AccessQuestion) => boolean
  /** By namespace; text says why they are unknown. @default nobody */
  readonly callers?: Readonly<Record<string, readonly Caller[]>> | string
  readonly callees?: Readonly<Record<string, readonly Callee[]>> | string
  readonly version?: string
  /** As if the objects came from exported files. */
  readonly files?: boolean
}

/** A snapshot made of objects at hand. */
export function snapshotOf(facts: SnapshotFacts = {}): Snapshot {
  const { objects = [], namespaces = ['shop'], unreadable = {}, callers = {}, callees = {} } = facts
  const version = facts.version ?? 'v1.34.0'
  const items = <T extends KubeObject>(kind: InventoryKind): readonly T[] => {
    const why = unreadable[kind]
    if (why !== undefined) throw new NotReadable(why)
    const ref = inventoryKinds[kind]
    return objects.filter(
      (one) => one.kind === ref.kind && groupOf(one.apiVersion) === groupOf(ref.apiVersion),
    ) as unknown as readonly T[]
  }
  const told = <T>(facts: Readonly<Record<string, readonly T[]>> | string, namespace: string) => {
    if (typeof facts === 'string') throw new NotReadable(facts)
    return facts[namespace] ?? []
  }
  return {
    source: facts.files
      ? { from: 'files', directory: 'exported', faults: [], assumed: [] }
      : { from: 'cluster', server: 'https://test', version, embedded: false },
    takenAt: '2026-11-23T09:00:00.000Z',
    namespaces,
    rootNamespace: 'istio-system',
    items,
    probes: {
      allowed: facts.allowed ?? (() => true),
      callers: (namespace) => told<Caller>(callers, namespace),
      callees: (namespace) => told<Callee>(callees, namespace),
      callersBasis: (namespace) => `metrics of 2 of 2 proxies of ${namespace}, since each started`,
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

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
}
