import type { KindRef, Selection } from '../api/store.ts'
import type { KubeObject, ObjectRef } from '../objects.ts'

/**
 * One client for the embedded cluster and for real ones, over @kubernetes/client-node, which no other
 * folder imports. Objects are plain JSON. Every method throws ClusterError: `status` is the HTTP code
 * of the API's answer, absent when there was none.
 */
export interface ClusterClient {
  readonly server: string
  version(): Promise<{ readonly gitVersion: string; readonly embedded: boolean }>
  create<T extends KubeObject>(object: T, options?: WriteOptions): Promise<T>
  get<T extends KubeObject>(ref: ObjectRef): Promise<T | undefined>
  /** All pages. */
  list<T extends KubeObject>(kind: KindRef, selection?: Selection): Promise<T[]>
  /** All pages, each object shrunk to what `project` makes of it, so that a whole list is never held. */
  listEach<T extends KubeObject, P>(
    kind: KindRef,
    selection: Selection,
    project: (object: T) => P | undefined,
    signal?: AbortSignal,
  ): Promise<P[]>
  patch<T extends KubeObject>(
    ref: ObjectRef,
    type: PatchType,
    body: unknown,
    options?: WriteOptions,
  ): Promise<T>
  /** Absent objects are fine. */
  delete(ref: ObjectRef, options?: DeleteObjectOptions): Promise<void>
  /** Ends when the signal fires; reconnects and relists by itself, so events may repeat. */
  watch<T extends KubeObject>(
    kind: KindRef,
    selection: Selection,
    onEvent: (event: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }) => void,
    signal: AbortSignal,
    options?: WatchOptions,
  ): Promise<void>
  /** HTTP to a pod's port through the API server's proxy subresource; the answer streams. */
  podRequest(request: PodRequest): Promise<Response>
  /** The same to a port that is open on the pod's loopback only, through a port-forward. */
  podForward(request: PodRequest): Promise<Response>
  podLog(ref: {
    namespace: string
    name: string
    container?: string
    tailLines?: number
  }): Promise<string>
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

export interface WriteOptions {
  readonly dryRun?: boolean
  /** @default 'meshbench' */
  readonly fieldManager?: string
  /** For `apply`: take over fields that others manage. */
  readonly force?: boolean
}

export interface DeleteObjectOptions extends WriteOptions {
  readonly gracePeriodSeconds?: number
  /** @default 'Background' */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  /** Only this very object, not a later one of the same name. */
  readonly uid?: string
  /** Only as it was then. */
  readonly resourceVersion?: string
}

export interface WatchOptions {
  /** Called whenever the events up to now show everything there is: after the first list, and after
   * every later one. */
  readonly onSynced?: () => void
}

export interface PodRequest {
  readonly namespace: string
  readonly pod: string
  readonly port: number
  /** Begins with `/`. */
  readonly path: string
  readonly method?: 'GET' | 'POST'
  readonly body?: string
  readonly signal?: AbortSignal
}
