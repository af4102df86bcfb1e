import type { KubeObject } from '../objects.ts'
import type { Change, Collection } from './collection.ts'
import type { StoreEvent } from './store.ts'

export type Matches = (object: KubeObject) => boolean

interface Subscriber {
  /** Changes up to here are already part of what the subscriber began with. */
  readonly since: number
  readonly matches: Matches
  readonly onChange: (event: StoreEvent, change: Change) => void
}

/**
 * Hands changes to watchers. A watcher may write from within its callback: the change it causes
 * queues behind the one being delivered, so that all watchers see all changes in the order of their
 * versions.
 */
export class Feed {
  readonly #subscribers = new Map<Collection, Set<Subscriber>>()
  readonly #onError: (error: unknown) => void
  readonly #queue: { readonly collection: Collection; readonly change: Change }[] = []
  #delivering = false

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  publish(collection: Collection, change: Change): void {
    this.#queue.push({ collection, change })
    if (this.#delivering) return
    this.#delivering = true
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        this.#deliver(next.collection, next.change)
      }
    } finally {
      this.#delivering = false
    }
  }

  subscribe(collection: Collection, subscriber: Subscriber): { stop(): void } {
    const subscribers = this.#subscribers.get(collection) ?? new Set()
    this.#subscribers.set(collection, subscribers)
    subscribers.add(subscriber)
    return { stop: () => subscribers.delete(subscriber) }
  }

  #deliver(collection: Collection, change: Change): void {
    const subscribers = this.#subscribers.get(collection)
    if (subscribers === undefined) return
    for (const subscriber of [...subscribers]) {
      if (change.version <= subscriber.since || !subscribers.has(subscriber)) continue
      const event = project(change, subscriber.matches)
      if (event === undefined) continue
      try {
        subscriber.onChange(event, change)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}

/**
 * A change as seen through a selector: an object that begins to match was ADDED, one that ceases to
 * was DELETED (as it last matched, with the version of the change).
 */
export function project(change: Change, matches: Matches): StoreEvent | undefined {
  const { type, object, previous } = change
  const before = previous !== undefined && matches(previous)
  if (type === 'DELETED') return before ? { type, object } : undefined
  if (matches(object)) return { type: before ? 'MODIFIED' : 'ADDED', object }
  if (!before || previous === undefined) return undefined
  const { resourceVersion } = object.metadata
  const metadata = { ...previous.metadata, ...(resourceVersion && { resourceVersion }) }
  return { type: 'DELETED', object: { ...previous, metadata } }
}
