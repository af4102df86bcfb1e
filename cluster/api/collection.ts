import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import type { KindDefinition } from './kind-table.ts'

export interface Change {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** For DELETED the last state, with the version of the deletion. */
  readonly object: KubeObject
  /** What was stored before; absent for ADDED. */
  readonly previous: KubeObject | undefined
}

/** What there was from one version on, until right before another. */
interface Snapshot {
  readonly from: number
  readonly until: number
  readonly objects: readonly KubeObject[]
}

/** Lists being read in pages at the same time; one more is put together anew for every page. */
const SNAPSHOTS_MAX = 4

/**
 * All objects of one kind and the last changes made to them.
 *
 * - Stored objects are never changed, only replaced: whoever holds one holds a snapshot.
 * - The history has every change with `version > forgotten`, in order.
 */
export class Collection {
  readonly definition: KindDefinition
  readonly #objects = new Map<string, KubeObject>()
  readonly #historyLength: number
  #history: Change[] = []
  #forgotten = 0
  #sorted: readonly string[] | undefined
  #now: readonly KubeObject[] | undefined
  #last = 0
  #snapshots: Snapshot[] = []

  constructor(definition: KindDefinition, historyLength: number) {
    this.definition = definition
    this.#historyLength = historyLength
  }

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key)
  }

  /** In no particular order. */
  values(): Iterable<KubeObject> {
    return this.#objects.values()
  }

  /** Ordered by namespace and name, as every list is. */
  sorted(): readonly KubeObject[] {
    this.#sorted ??= [...this.#objects.keys()].sort()
    this.#now ??= this.#sorted
      .map((key) => this.#objects.get(key))
      .filter((object) => object !== undefined)
    return this.#now
  }

  record(change: Change): void {
    if (this.#now !== undefined) this.#keep(this.#last, change.version, this.#now)
    this.#now = undefined
    this.#last = change.version
    const key = keyOf(change.object.metadata)
    if (change.type === 'DELETED') this.#objects.delete(key)
    else this.#objects.set(key, change.object)
    if (change.type !== 'MODIFIED') this.#sorted = undefined
    this.#history.push(change)
    // Cutting half at a time keeps the cost per change constant.
    if (this.#history.length > 2 * this.#historyLength) {
      const cut = this.#history.splice(0, this.#history.length - this.#historyLength)
      this.#forgotten = cut.at(-1)?.version ?? this.#forgotten
    }
  }

  /** The changes after `version`; throws Expired when some of them are forgotten. */
  since(version: number): readonly Change[] {
    if (version < this.#forgotten) {
      throw statusError('Expired', `too old resource version: ${version} (${this.#forgotten})`)
    }
    let first = this.#history.length
    while (first > 0 && (this.#history[first - 1]?.version ?? 0) > version) first -= 1
    return this.#history.slice(first)
  }

  /** What `sorted` gave at `version`. */
  at(version: number): readonly KubeObject[] {
    const changes = this.since(version)
    const [next] = changes
    if (next === undefined) return this.sorted()
    const kept = this.#snapshots.find(({ from, until }) => from <= version && version < until)
    if (kept !== undefined) return kept.objects
    const objects = this.#undo(changes)
    this.#keep(version, next.version, objects)
    return objects
  }

  #undo(changes: readonly Change[]): readonly KubeObject[] {
    const undone = new Map<string, KubeObject | undefined>()
    for (const { object, previous } of changes.toReversed()) {
      undone.set(keyOf(object.metadata), previous)
    }
    const keys = new Set([...this.#objects.keys(), ...undone.keys()])
    return [...keys]
      .sort()
      .map((key) => (undone.has(key) ? undone.get(key) : this.#objects.get(key)))
      .filter((object) => object !== undefined)
  }

  #keep(from: number, until: number, objects: readonly KubeObject[]): void {
    this.#snapshots = [{ from, until, objects }, ...this.#snapshots].slice(0, SNAPSHOTS_MAX)
  }
}

/** Where in a sorted list the objects begin whose key is at least `key`. */
export function firstFrom(objects: readonly KubeObject[], key: string): number {
  let [low, high] = [0, objects.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const object = objects[middle]
    if (object !== undefined && keyOf(object.metadata) < key) low = middle + 1
    else high = middle
  }
  return low
}

/** NUL sorts before every character of a name, so that namespaces stay together. */
export function keyOf(name: { readonly namespace?: string; readonly name: string }): string {
  return `${name.namespace ?? ''}\0${name.name}`
}
