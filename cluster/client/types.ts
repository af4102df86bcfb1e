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
  patch<T extends KubeObject>(
    ref: ObjectRef,
    type: PatchType,
    body: unknown,
    options?: WriteOptions,
  ): Promise<T>
  /** Absent objects are fine. */
  delete(ref: ObjectRef, options?: WriteOptions): Promise<void>
  /** Ends when the signal fires; reconnects and relists by itself, so events may repeat. */
  watch<T extends KubeObject>(
    kind: KindRef,
    selection: Selection,
    onEvent: (event: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }) => void,
    signal: AbortSignal,
  ): Promise<void>
  /** HTTP to a pod's port through the API server's proxy subresource; the answer streams. */
  podRequest(request: PodRequest): Promise<Response>
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
  readonly fieldManager?: string
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
