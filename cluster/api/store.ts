import type { KubeObject, ObjectRef } from '../objects.ts'

/**
 * The contract between the API server, the controllers and the node agents: everything they know of
 * each other goes through here, as it does in Kubernetes.
 *
 * - Every write gets the next resourceVersion (one counter for the whole store) and is seen by every
 *   watcher in that order.
 * - `update` with a stale `metadata.resourceVersion` throws a conflict (409); without one it overwrites.
 * - Objects handed out are the caller's own copies; changing them changes nothing until written.
 * - Deleting an object with finalizers, or a Pod with a grace period, only sets deletionTimestamp; it
 *   goes when the last finalizer or the node agent lets go.
 */
export interface Store {
  create<T extends KubeObject>(object: T): T
  get<T extends KubeObject>(ref: ObjectRef): T | undefined
  list<T extends KubeObject>(kind: KindRef, selection?: Selection): T[]
  /** Replaces spec and metadata (status too unless the kind has a status subresource). */
  update<T extends KubeObject>(object: T): T
  /** Replaces only status. */
  updateStatus<T extends KubeObject>(object: T): T
  /** Read, change, write, again on conflict. `change` may return undefined for "nothing to do". */
  mutate<T extends KubeObject>(ref: ObjectRef, change: (current: T) => T | undefined): T | undefined
  mutateStatus<T extends KubeObject>(
    ref: ObjectRef,
    change: (current: T) => T | undefined,
  ): T | undefined
  delete(ref: ObjectRef, options?: DeleteOptions): KubeObject | undefined
  /**
   * Calls `onEvent` with ADDED for all that exists (synchronously, before returning), then with every
   * change, in order, until `stop` is called. A watcher that throws does not stop the others.
   */
  watch<T extends KubeObject>(
    kind: KindRef,
    selection: Selection,
    onEvent: (event: StoreEvent<T>) => void,
  ): { stop(): void }
  readonly resourceVersion: string
}

export interface KindRef {
  readonly apiVersion: string
  readonly kind: string
}

export interface Selection {
  readonly namespace?: string
  /** In the syntax of `kubectl -l`. */
  readonly labelSelector?: string
  /** `metadata.name=x`, `spec.nodeName=y`, `status.phase!=Failed`, comma-separated. */
  readonly fieldSelector?: string
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

export interface StoreEvent<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: T
}
