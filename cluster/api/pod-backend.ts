/**
 * What the API server asks of the node agents, for the two pod subresources that only they can answer.
 */
export interface PodBackend {
  /**
   * The log of one container, oldest first. With `follow` it goes on until the container has ended or
   * the signal fires. Throws ClusterError when there is none.
   */
  readLog(request: PodLogRequest): AsyncIterable<string | Uint8Array>
  /** Where a port of a pod accepts connections from this process; undefined when it does not run. */
  dial(pod: PodName, port: number): Dialled | undefined | Promise<Dialled | undefined>
}

export interface PodName {
  readonly namespace: string
  readonly name: string
}

export interface Dialled {
  readonly host: string
  readonly port: number
}

export interface PodLogRequest extends PodName {
  readonly container: string
  readonly follow: boolean
  /** Of the container's run before the current one. */
  readonly previous: boolean
  readonly tailLines?: number
  readonly signal: AbortSignal
}
