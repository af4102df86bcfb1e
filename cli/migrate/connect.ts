import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { patientReads, usualPatience } from '../../migration/execute/patience.ts'
import type { ClusterOptions } from '../commands/migrate/options.ts'
import type { CommandContext } from '../context.ts'

export async function connect({ kubeconfig, context }: ClusterOptions): Promise<ClusterClient> {
  const { connectCluster } = await import('../../cluster/client/connect.ts')
  return connectCluster({
    ...(kubeconfig !== undefined && { kubeconfigPath: kubeconfig }),
    ...(context !== undefined && { context }),
  })
}

/** For what only reads: an API server in passing trouble is asked again, and that is told. */
export async function patient(
  client: ClusterClient,
  { signal, stderr }: CommandContext,
): Promise<ClusterClient> {
  try {
    await client.version()
  } catch (error) {
    // Where nobody answers at all, the address is wrong more often than the server starting.
    if (!(error instanceof ClusterError) || error.status === undefined) throw error
  }
  return patientReads(client, usualPatience, signal, (text) => stderr.write(`${text}\n`))
}
