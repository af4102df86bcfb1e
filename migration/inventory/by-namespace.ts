import type { KubeObject } from '../../cluster/objects.ts'
import type { InventoryKind } from './kinds.ts'
import type { Snapshot } from './snapshot.ts'

type Index = Map<InventoryKind, ReadonlyMap<string, readonly KubeObject[]>>

/** A snapshot never changes, and with hundreds of namespaces everybody asks for each of them. */
const indexes = new WeakMap<Snapshot, Index>()

/** Objects of one namespace; throws NotReadable as `items` does. */
export function itemsIn<T extends KubeObject>(
  snapshot: Snapshot,
  kind: InventoryKind,
  namespace: string,
): readonly T[] {
  const index = indexes.get(snapshot) ?? new Map()
  indexes.set(snapshot, index)
  const known = index.get(kind) ?? group(snapshot.items(kind))
  index.set(kind, known)
  return (known.get(namespace) ?? []) as readonly T[]
}

function group(items: readonly KubeObject[]): ReadonlyMap<string, readonly KubeObject[]> {
  const groups = new Map<string, KubeObject[]>()
  for (const item of items) {
    const { namespace = '' } = item.metadata
    const members = groups.get(namespace)
    if (members === undefined) groups.set(namespace, [item])
    else members.push(item)
  }
  return groups
}
