import type { Condition, KubeObject, OwnerReference } from '../objects.ts'
import { type Change, type Collection, keyOf } from './collection.ts'
import { isObject, sameJson } from './json.ts'
import type { KindDefinition } from './kind-table.ts'
import { remainderOf } from './namespace-conditions.ts'
import { conflict, forbidden, notFound } from './object-errors.ts'
import type { DeleteOptions, KindRef } from './store.ts'

const POD_GRACE_SECONDS = 30
/** Holds an owner back until what it owns is gone. */
const FOREGROUND = 'foregroundDeletion'
const NAMESPACE: KindRef = { apiVersion: 'v1', kind: 'Namespace' }
const PROTECTED_NAMESPACES = ['default', 'kube-system']

interface StoreCore {
  readonly collections: ReadonlyMap<KindDefinition, Collection>
  collectionOf(kind: KindRef): Collection
  commit(
    collection: Collection,
    type: Change['type'],
    object: KubeObject,
    previous: KubeObject | undefined,
  ): KubeObject
  timestamp(): string
}

/**
 * How objects leave, and what leaves with them: finalizers, grace periods of pods, dependents of an
 * owner (the garbage collector of Kubernetes) and the content of a namespace.
 */
export interface Lifecycle {
  checkNamespace(object: KubeObject, kind: KindDefinition): void
  /** Whether nothing holds back an object that is marked for deletion. */
  mayGo(object: KubeObject): boolean
  remove(
    collection: Collection,
    key: string,
    options: DeleteOptions & { readonly dryRun?: boolean },
  ): KubeObject | undefined
  afterRemoval(object: KubeObject): void
  /** Removes an object that says it is owned, but whose owners are all gone. */
  collectOrphan(object: KubeObject): void
}

export function lifecycle(core: StoreCore): Lifecycle {
  const { collections, collectionOf, commit, timestamp } = core

  function* everything(): Iterable<[Collection, KubeObject]> {
    for (const collection of collections.values()) {
      // A copy, because deleting one object may take others along.
      for (const object of [...collection.values()]) yield [collection, object]
    }
  }

  function contentOf(namespace: string): [Collection, KubeObject][] {
    return [...everything()].filter(([, object]) => object.metadata.namespace === namespace)
  }

  function dependentsOf(owner: KubeObject): [Collection, KubeObject][] {
    return [...everything()].filter(([, { metadata }]) =>
      metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid),
    )
  }

  /** The stored object again, whatever became of it meanwhile. */
  function current(collection: Collection, object: KubeObject): KubeObject | undefined {
    const found = collection.get(keyOf(object.metadata))
    return found?.metadata.uid === object.metadata.uid ? found : undefined
  }

  function change(collection: Collection, object: KubeObject, previous: KubeObject): KubeObject {
    return commit(collection, mayGo(object) ? 'DELETED' : 'MODIFIED', object, previous)
  }

  function mayGo({ kind, metadata }: KubeObject): boolean {
    if (metadata.deletionTimestamp === undefined || metadata.finalizers?.length) return false
    if (kind === 'Pod') return metadata.deletionGracePeriodSeconds === 0
    return kind !== 'Namespace' || contentOf(metadata.name).length === 0
  }

  function remove(
    collection: Collection,
    key: string,
    options: DeleteOptions & { readonly dryRun?: boolean },
  ): KubeObject | undefined {
    const object = collection.get(key)
    if (object === undefined) return undefined
    checkPreconditions(object, collection.definition, options)
    if (options.dryRun) return object

    const graceSeconds = graceOf(object, options)
    const { metadata } = object
    // A second deletion of a pod can only hurry it.
    const hurried = graceSeconds < (metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY)
    if (metadata.deletionTimestamp !== undefined && !hurried) return object

    const dependents = dependentsOf(object)
    if (options.propagationPolicy === 'Orphan') orphan(dependents, object)
    const holdBack = options.propagationPolicy === 'Foreground'
    const marked = mark(object, graceSeconds, holdBack ? FOREGROUND : undefined)
    // Nothing keeps it even for a moment: it goes as it was.
    const goesAtOnce = mayGo(marked) && object.kind !== 'Pod' && object.kind !== 'Namespace'
    const result = goesAtOnce
      ? commit(collection, 'DELETED', object, object)
      : change(collection, marked, object)
    if (object.kind === 'Namespace') empty(metadata.name)
    if (holdBack) {
      for (const [of, dependent] of dependents) {
        remove(of, keyOf(dependent.metadata), { propagationPolicy: 'Foreground' })
      }
      const owner = current(collection, object)
      if (owner !== undefined && dependentsOf(owner).length === 0) release(owner)
    }
    return current(collection, object) ?? result
  }

  function mark(object: KubeObject, graceSeconds: number, finalizer?: string): KubeObject {
    const { metadata } = object
    const due = Date.parse(timestamp()) + graceSeconds * 1000
    const finalizers = [...(metadata.finalizers ?? []), ...(finalizer ? [finalizer] : [])]
    const marked: KubeObject = {
      ...object,
      metadata: {
        ...metadata,
        deletionTimestamp: `${new Date(due).toISOString().slice(0, 19)}Z`,
        deletionGracePeriodSeconds: graceSeconds,
        ...(metadata.generation !== undefined && { generation: metadata.generation + 1 }),
        ...(finalizers.length > 0 && { finalizers }),
      },
    }
    if (object.kind !== 'Namespace') return marked
    return {
      ...marked,
      status: { ...(isObject(object.status) ? object.status : {}), phase: 'Terminating' },
    }
  }

  function empty(namespace: string): void {
    for (const [collection, object] of contentOf(namespace)) {
      remove(collection, keyOf(object.metadata), {})
    }
    const home = collectionOf(NAMESPACE).get(keyOf({ name: namespace }))
    if (home !== undefined) tellRemainder(home)
  }

  function tellRemainder(home: KubeObject): void {
    const status = isObject(home.status) ? home.status : {}
    const before = conditionsOf(home)
    const content = contentOf(home.metadata.name).map(
      ([{ definition }, object]) => [definition, object] as const,
    )
    const conditions = remainderOf(content, before, timestamp())
    if (sameJson(conditions, before)) return
    const told = { ...home, status: { ...status, conditions } }
    commit(collectionOf(NAMESPACE), 'MODIFIED', told, home)
  }

  function orphan(dependents: readonly [Collection, KubeObject][], owner: KubeObject): void {
    for (const [collection, dependent] of dependents) {
      const ownerReferences = (dependent.metadata.ownerReferences ?? []).filter(
        ({ uid }) => uid !== owner.metadata.uid,
      )
      const metadata = { ...dependent.metadata, ownerReferences }
      change(collection, { ...dependent, metadata }, dependent)
    }
  }

  function afterRemoval(object: KubeObject): void {
    for (const [collection, dependent] of dependentsOf(object)) {
      const owners = dependent.metadata.ownerReferences ?? []
      const orphaned = owners.every((owner) => ownerOf(owner, dependent) === undefined)
      if (orphaned) remove(collection, keyOf(dependent.metadata), {})
    }
    for (const reference of object.metadata.ownerReferences ?? []) {
      const owner = ownerOf(reference, object)
      if (owner?.metadata.finalizers?.includes(FOREGROUND) && dependentsOf(owner).length === 0) {
        release(owner)
      }
    }
    const { namespace } = object.metadata
    if (namespace === undefined) return
    const collection = collectionOf(NAMESPACE)
    const home = collection.get(keyOf({ name: namespace }))
    if (home === undefined) return
    if (mayGo(home)) commit(collection, 'DELETED', home, home)
    // Once it has been told; not for each of the objects that go at once with the namespace.
    else if (conditionsOf(home).length > 0) tellRemainder(home)
  }

  function collectOrphan(object: KubeObject): void {
    const found = current(collectionOf(object), object)
    const references = found?.metadata.ownerReferences ?? []
    if (found === undefined || references.length === 0) return
    // Nobody can tell whether an owner of a kind that is not served here exists.
    if (references.some((reference) => !isServed(reference))) return
    if (references.some((reference) => ownerOf(reference, found) !== undefined)) return
    remove(collectionOf(found), keyOf(found.metadata), {})
  }

  function isServed({ apiVersion, kind }: OwnerReference): boolean {
    return [...collections.keys()].some((row) => row.apiVersion === apiVersion && row.kind === kind)
  }

  function release(owner: KubeObject): void {
    const finalizers = (owner.metadata.finalizers ?? []).filter((name) => name !== FOREGROUND)
    const metadata = { ...owner.metadata, finalizers }
    change(collectionOf(owner), { ...owner, metadata }, owner)
  }

  function ownerOf(reference: OwnerReference, dependent: KubeObject): KubeObject | undefined {
    for (const [kind, collection] of collections) {
      if (kind.apiVersion !== reference.apiVersion || kind.kind !== reference.kind) continue
      const { namespace } = dependent.metadata
      const name = { name: reference.name, ...(kind.namespaced && namespace && { namespace }) }
      const owner = collection.get(keyOf(name))
      if (owner?.metadata.uid === reference.uid) return owner
    }
    return undefined
  }

  function checkNamespace(object: KubeObject, kind: KindDefinition): void {
    const { namespace, name } = object.metadata
    if (!kind.namespaced || namespace === undefined) return
    const namespaces = collectionOf(NAMESPACE)
    const home = namespaces.get(keyOf({ name: namespace }))
    if (home === undefined) throw notFound(namespaces.definition, namespace)
    if (home.metadata.deletionTimestamp !== undefined) {
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`
      const cause = { reason: 'NamespaceTerminating', message: why, field: 'metadata.namespace' }
      throw forbidden(kind, name, why, [cause])
    }
  }

  return { checkNamespace, mayGo, remove, afterRemoval, collectOrphan }
}

function conditionsOf({ status }: KubeObject): readonly Condition[] {
  return isObject(status) && Array.isArray(status.conditions) ? status.conditions : []
}

function checkPreconditions(
  { metadata }: KubeObject,
  kind: KindDefinition,
  { preconditions = {} }: DeleteOptions,
): void {
  for (const field of ['uid', 'resourceVersion'] as const) {
    const wanted = preconditions[field]
    if (wanted === undefined || wanted === metadata[field]) continue
    const label = field === 'uid' ? 'UID' : 'ResourceVersion'
    const happened = field === 'uid' ? 'deleted and then recreated' : 'modified'
    const why = `the ${label} in the precondition (${wanted}) does not match the ${label} in record (${metadata[field]}). The object might have been ${happened}`
    throw conflict(kind, metadata.name, why)
  }
  if (kind.kind === 'Namespace' && PROTECTED_NAMESPACES.includes(metadata.name)) {
    throw forbidden(kind, metadata.name, 'this namespace may not be deleted')
  }
}

/** Only a pod that a node runs needs time to stop. */
function graceOf({ kind, spec, status }: KubeObject, options: DeleteOptions): number {
  if (kind !== 'Pod' || !isObject(spec) || !spec.nodeName) return 0
  if (isObject(status) && (status.phase === 'Succeeded' || status.phase === 'Failed')) return 0
  return (
    options.gracePeriodSeconds ?? numberOr(spec.terminationGracePeriodSeconds, POD_GRACE_SECONDS)
  )
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback
}
