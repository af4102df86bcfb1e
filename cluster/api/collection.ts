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
  *sorted(): Iterable<KubeObject> {
    this.#sorted ??= [...this.#objects.keys()].sort()
    for (const key of this.#sorted) {
      const object = this.#objects.get(key)
      if (object !== undefined) yield object
    }
  }

  record(change: Change): void {
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

  /** What `sorted` gave at `version`, by undoing what was done since. */
  at(version: number): KubeObject[] {
    const undone = new Map<string, KubeObject | undefined>()
    for (const { object, previous } of this.since(version).toReversed()) {
      undone.set(keyOf(object.metadata), previous)
    }
    if (undone.size === 0) return [...this.sorted()]
    const keys = new Set([...this.#objects.keys(), ...undone.keys()])
    return [...keys]
      .sort()
      .map((key) => (undone.has(key) ? undone.get(key) : this.#objects.get(key)))
      .filter((object) => object !== undefined)
  }
}

/** NUL sorts before every character of a name, so that namespaces stay together. */
export function keyOf(name: { readonly namespace?: string; readonly name: string }): string {
  return `${name.namespace ?? ''}\0${name.name}`
}
