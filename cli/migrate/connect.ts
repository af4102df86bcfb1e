import type { ClusterClient } from '../../cluster/client/types.ts'
import type { ClusterOptions } from '../commands/migrate/options.ts'

export async function connect({ kubeconfig, context }: ClusterOptions): Promise<ClusterClient> {
  const { connectCluster } = await import('../../cluster/client/connect.ts')
  return connectCluster({
    ...(kubeconfig !== undefined && { kubeconfigPath: kubeconfig }),
    ...(context !== undefined && { context }),
  })
}
