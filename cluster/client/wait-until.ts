import type { KindRef, Selection } from '../api/store.ts'
import { ClusterError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import type { ClusterClient } from './types.ts'

export interface WaitOptions<T extends KubeObject> {
  readonly timeoutMs: number
  /** What is still missing, for the message when time is up: `2 of 3 pods are ready`. */
  readonly describe: (objects: readonly T[]) => string
  readonly signal?: AbortSignal
}

/**
 * Watches until `predicate` holds for everything selected, none at all included, and gives those
 * objects. A predicate that throws ends the waiting: what it waits for can no longer happen.
 */
export async function waitUntil<T extends KubeObject>(
  client: ClusterClient,
  kind: KindRef,
  selection: Selection,
  predicate: (objects: readonly T[]) => boolean,
  options: WaitOptions<T>,
): Promise<readonly T[]> {
  const { timeoutMs, describe, signal } = options
  signal?.throwIfAborted()
  // One controller for all ends: Node 20 may lose a signal made by AbortSignal.any.
  const done = new AbortController()
  const end = (): void => done.abort()
  const timer = setTimeout(end, timeoutMs)
  signal?.addEventListener('abort', end)
  const current = new Map<string, T>()
  let synced = false
  let outcome: { readonly objects: readonly T[] } | { readonly error: unknown } | undefined

  const look = (): void => {
    if (!synced || outcome !== undefined) return
    try {
      const objects = [...current.values()]
      if (predicate(objects)) outcome = { objects }
    } catch (error) {
      outcome = { error }
    }
    if (outcome !== undefined) end()
  }
  const onSynced = (): void => {
    synced = true
    look()
  }
  const onEvent = ({ type, object }: { type: string; object: T }): void => {
    const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`
    if (type === 'DELETED') current.delete(key)
    else current.set(key, object)
    look()
  }
  try {
    await client.watch<T>(kind, selection, onEvent, done.signal, { onSynced })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
  if (outcome !== undefined) {
    if ('error' in outcome) throw outcome.error
    return outcome.objects
  }
  signal?.throwIfAborted()
  throw new ClusterError(`Not within ${timeoutMs / 1000} s: ${describe([...current.values()])}`, {
    code: 'CLUSTER_WAIT_TIMEOUT',
    hint: `Look at the ${kind.kind} objects and their events, or allow more time.`,
  })
}
