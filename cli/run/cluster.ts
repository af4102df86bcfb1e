import type { ClusterClient } from '../../cluster/client/types.ts'
import { generatorImages } from '../../harness/deploy/generator-image.ts'

/** The cluster of one run, and how to get rid of it. */
export interface RunCluster {
  readonly client: ClusterClient
  readonly kubeconfigPath: string
  stop(): Promise<void>
}

/** Stopping is bounded: what has not ended by then ends with this process, by its IPC channel. */
const stopDeadlineMs = 3_000

export async function openCluster(
  folder: string,
  onNotice: (notice: string) => void,
  signal: AbortSignal,
  { istioSemantics = false }: { readonly istioSemantics?: boolean } = {},
): Promise<RunCluster> {
  const [{ startEmbeddedCluster }, { connectCluster }] = await Promise.all([
    import('../../cluster/embedded/index.ts'),
    import('../../cluster/client/connect.ts'),
  ])
  const cluster = await startEmbeddedCluster({
    directory: folder,
    images: generatorImages,
    ...addressesFrom(process.env.MESHBENCH_ADDRESSES),
    istioSemantics,
    onNotice,
    signal,
  })
  return {
    kubeconfigPath: cluster.kubeconfigPath,
    client: await connectCluster({ kubeconfigPath: cluster.kubeconfigPath }),
    stop: async () => {
      let timer: NodeJS.Timeout | undefined
      const deadline = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, stopDeadlineMs)
      })
      await Promise.race([cluster.stop(), deadline])
      clearTimeout(timer)
    },
  }
}

/** Left to the cluster unless set; for trying on Linux what other systems need. */
function addressesFrom(text: string | undefined): { addresses?: 'own' | 'shared' } {
  return text === 'own' || text === 'shared' ? { addresses: text } : {}
}
