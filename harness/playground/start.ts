import type { ClusterClient } from '../../cluster/client/types.ts'
import { deployInto } from '../deploy/deploy.ts'
import type { Workload } from '../deploy/workload.ts'
import type { RecentLoad } from '../load/protocol.ts'
import type { Mode } from '../modes.ts'
import { keepLoad } from './keep-load.ts'
import { followPods, type PodState } from './pods.ts'

export interface PlaygroundOptions {
  readonly workload: Workload
  readonly mode: Mode
  readonly ratePerSecond: number
  readonly replicas: number | null
  readonly generatorImage: string
  readonly onProgress: (sentence: string) => void
  readonly signal: AbortSignal
}

export interface Playground {
  readonly namespace: string
  /** As of now. */
  pods(): readonly PodState[]
  /** The last seconds of the load; undefined while there is none. */
  load(): RecentLoad | undefined
  /** Resolves when the signal has fired, rejects when the cluster is lost. */
  readonly ended: Promise<void>
}

const nodes = ['node-1', 'node-2']

/**
 * A workload under light load in a namespace of its own name. Both nodes run a ztunnel whatever the
 * mode, so that labels alone move pods from one mode to another.
 */
export async function startPlayground(
  client: ClusterClient,
  options: PlaygroundOptions,
): Promise<Playground> {
  const { workload, mode, ratePerSecond, replicas, signal } = options
  const namespace = namespaceFor(workload.name)
  await deployInto(client, { namespace }, nodes, true, {
    mode,
    workload,
    adjust: { replicas, responseBytes: null },
    generatorImage: options.generatorImage,
    onProgress: options.onProgress,
    signal,
  })
  let pods: readonly PodState[] = []
  let load: RecentLoad | undefined
  const following = followPods(
    client,
    namespace,
    (now) => {
      pods = now
    },
    signal,
  )
  const loading = keepLoad(
    client,
    { namespace, entry: workload.entry, ratePerSecond },
    (point) => {
      load = point?.recent
    },
    signal,
  )
  return {
    namespace,
    pods: () => pods,
    load: () => load,
    ended: Promise.all([following, loading]).then(() => undefined),
  }
}

/** A file may have any name; a namespace is a DNS label. */
function namespaceFor(name: string): string {
  const label = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '')
  return label === '' ? 'playground' : label
}
