import type { KubeObject, ObjectRef } from '../objects.ts'
import { type Change, Collection, firstFrom, keyOf } from './collection.ts'
import { Feed, type Matches, project } from './feed.ts'
import { clone, sameJson } from './json.ts'
import { type KindDefinition, type KindTable, kindTable } from './kind-table.ts'
import { KINDS } from './kinds.ts'
import { type Lifecycle, lifecycle } from './lifecycle.ts'
import { alreadyExists, notFound, tooLargeVersion } from './object-errors.ts'
import { checkShape, generatedName, prepareCreate, prepareUpdate, withStatus } from './prepare.ts'
import { selectionMatcher } from './selection.ts'
import type { DeleteOptions, KindRef, Selection, Store, StoreEvent } from './store.ts'

/** Changes remembered per kind, so that a client can resume a watch it lost. */
const HISTORY_LENGTH = 2_000
const GENERATE_NAME_ATTEMPTS = 8
const MUTATE_ATTEMPTS = 16
/** There in every cluster, and not to be deleted. */
const INITIAL_NAMESPACES = ['default', 'kube-system']

/**
 * Sees every new object before it is validated and stored, as mutating admission webhooks do: sidecar
 * injection, cluster addresses of services. Changes the object in place, or throws to refuse it.
 */
export type Admission = (object: KubeObject, store: Store) => void

export interface StoreOptions {
  readonly kinds?: readonly KindDefinition[]
  readonly admit?: readonly Admission[]
  readonly historyLength?: number
  readonly now?: () => Date
  /** What a watcher threw. @default process.emitWarning */
  readonly onWatcherError?: (error: unknown) => void
}

export interface WriteMode {
  /** Do everything but store it. */
  readonly dryRun?: boolean
}

/** What the API server needs beyond the contract of controllers and node agents. */
export interface MemoryStore extends Store {
  readonly kinds: KindTable
  create<T extends KubeObject>(object: T, mode?: WriteMode): T
  update<T extends KubeObject>(object: T, mode?: WriteMode): T
  updateStatus<T extends KubeObject>(object: T, mode?: WriteMode): T
  delete(ref: ObjectRef, options?: DeleteOptions & WriteMode): KubeObject | undefined
  /** The stored object itself, which nobody may change; saves the copy of `get`. */
  peek(ref: ObjectRef): Readonly<KubeObject> | undefined
  /** Stored objects as they were at `version` (now when left out), by namespace and name. */
  snapshot(kind: KindRef, selection: Selection, version?: number): readonly KubeObject[]
  /** Shared objects, every change after `since`; throws Expired when that is too long ago. */
  follow(
    kind: KindRef,
    selection: Selection,
    since: number,
    onEvent: (event: StoreEvent) => void,
  ): { stop(): void }
}

export function createStore(options: StoreOptions = {}): MemoryStore {
  const kinds = kindTable(options.kinds ?? KINDS)
  const collections = new Map(
    kinds.all.map((kind) => [kind, new Collection(kind, options.historyLength ?? HISTORY_LENGTH)]),
  )
  const feed = new Feed(options.onWatcherError ?? warn)
  let version = 0

  const timestamp = () => `${(options.now?.() ?? new Date()).toISOString().slice(0, 19)}Z`

  function collectionOf(kind: KindRef): Collection {
    const collection = collections.get(kinds.of(kind))
    if (collection === undefined) throw new Error('a kind without a collection')
    return collection
  }

  /** The only way anything is stored. */
  function commit(
    collection: Collection,
    type: Change['type'],
    object: KubeObject,
    previous: KubeObject | undefined,
  ): KubeObject {
    version += 1
    const metadata = { ...object.metadata, resourceVersion: String(version) }
    const stored = { ...object, metadata }
    const change = { version, type, object: stored, previous }
    collection.record(change)
    feed.publish(collection, change)
    if (type === 'DELETED') rules.afterRemoval(stored)
    else if (stored.metadata.ownerReferences !== previous?.metadata.ownerReferences) {
      // Later, as the garbage collector of Kubernetes does: whoever wrote it gets to see it.
      setImmediate(() => rules.collectOrphan(stored))
    }
    return stored
  }

  const rules: Lifecycle = lifecycle({ collections, collectionOf, commit, timestamp })

  function create<T extends KubeObject>(input: T, mode: WriteMode = {}): T {
    const collection = collectionOf(input)
    const { definition } = collection
    const object: KubeObject = clone(input)
    checkShape(object, definition)
    const { metadata } = object
    if (!metadata.name) metadata.name = freeName(collection, object)
    rules.checkNamespace(object, definition)
    for (const admit of options.admit ?? []) admit(object, store)
    prepareCreate(object, definition, timestamp())
    if (collection.get(keyOf(metadata))) throw alreadyExists(definition, metadata.name)
    return clone(mode.dryRun ? object : commit(collection, 'ADDED', object, undefined)) as T
  }

  function write<T extends KubeObject>(input: T, mode: WriteMode, statusOnly: boolean): T {
    const collection = collectionOf(input)
    const { definition } = collection
    let object: KubeObject = clone(input)
    checkShape(object, definition)
    const previous = collection.get(keyOf(object.metadata))
    if (previous === undefined) throw notFound(definition, object.metadata.name)
    if (statusOnly && definition.statusSubresource)
      object = withStatus(object, previous, definition)
    else prepareUpdate(object, previous, definition)
    // Writing what is there already makes no event, or controllers would keep waking each other.
    if (sameJson(object, previous)) return clone(previous) as T
    if (mode.dryRun) return clone(object) as T
    const type = rules.mayGo(object) ? 'DELETED' : 'MODIFIED'
    return clone(commit(collection, type, object, previous)) as T
  }

  function mutate<T extends KubeObject>(
    ref: ObjectRef,
    change: (current: T) => T | undefined,
    statusOnly: boolean,
  ): T | undefined {
    for (let attempt = 1; ; attempt += 1) {
      const stored = collectionOf(ref).get(keyOf(ref))
      if (stored === undefined) return undefined
      const changed = change(clone(stored) as T)
      if (changed === undefined) return clone(stored) as T
      // `change` itself may have written: only then is the stored object another one by now.
      if (collectionOf(ref).get(keyOf(ref)) === stored || attempt === MUTATE_ATTEMPTS) {
        return write(changed, {}, statusOnly)
      }
    }
  }

  function snapshot(kind: KindRef, selection: Selection, at?: number): readonly KubeObject[] {
    const collection = collectionOf(kind)
    if (at !== undefined && at > version) throw tooLargeVersion(at, version)
    const { namespace, ...selectors } = selection
    const all = at === undefined ? collection.sorted() : collection.at(at)
    const objects = namespace === undefined ? all : within(all, namespace)
    if (!selectors.labelSelector && !selectors.fieldSelector) return objects
    return objects.filter(selectionMatcher(collection.definition, selectors))
  }

  function follow(
    kind: KindRef,
    selection: Selection,
    since: number,
    onEvent: (event: StoreEvent) => void,
  ): { stop(): void } {
    const collection = collectionOf(kind)
    const matches = selectionMatcher(collection.definition, selection)
    if (since > version) throw tooLargeVersion(since, version)
    for (const change of collection.since(since)) replay(change, matches, onEvent)
    return feed.subscribe(collection, { since: version, matches, onChange: onEvent })
  }

  const store: MemoryStore = {
    kinds,
    create,
    update: (object, mode = {}) => write(object, mode, false),
    updateStatus: (object, mode = {}) => write(object, mode, true),
    mutate: (ref, change) => mutate(ref, change, false),
    mutateStatus: (ref, change) => mutate(ref, change, true),
    delete: (ref, deletion = {}) => {
      const deleted = rules.remove(collectionOf(ref), keyOf(ref), deletion)
      return deleted && clone(deleted)
    },
    get: <T extends KubeObject>(ref: ObjectRef) =>
      clone(collectionOf(ref).get(keyOf(ref))) as T | undefined,
    peek: (ref) => collectionOf(ref).get(keyOf(ref)),
    list: <T extends KubeObject>(kind: KindRef, selection: Selection = {}) =>
      snapshot(kind, selection).map((object) => clone(object) as T),
    snapshot,
    follow,
    watch: <T extends KubeObject>(
      kind: KindRef,
      selection: Selection,
      onEvent: (event: StoreEvent<T>) => void,
    ) => {
      const copied = ({ type, object }: StoreEvent) => onEvent({ type, object: clone(object) as T })
      const start = version
      for (const object of snapshot(kind, selection)) copied({ type: 'ADDED', object })
      return follow(kind, selection, start, copied)
    },
    get resourceVersion() {
      return String(version)
    },
  }

  for (const name of INITIAL_NAMESPACES) {
    create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }
  return store
}

/** Keys put namespaces one after the other: those of one begin with its name and NUL. */
function within(objects: readonly KubeObject[], namespace: string): readonly KubeObject[] {
  const from = firstFrom(objects, keyOf({ namespace, name: '' }))
  const until = firstFrom(objects, `${namespace}\u0001`)
  return objects.slice(from, until)
}

function freeName(collection: Collection, { metadata }: KubeObject): string {
  for (let attempt = 1; ; attempt += 1) {
    const name = generatedName(metadata.generateName ?? '')
    const taken = collection.get(keyOf({ ...metadata, name })) !== undefined
    if (!taken || attempt === GENERATE_NAME_ATTEMPTS) return name
  }
}

function replay(change: Change, matches: Matches, onEvent: (event: StoreEvent) => void): void {
  const event = project(change, matches)
  if (event !== undefined) onEvent(event)
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
