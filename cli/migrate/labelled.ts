import type { ClusterClient } from '../../cluster/client/types.ts'
import { UsageError } from '../errors.ts'

/** Every namespace whose labels ask for sidecars. */
export async function labelledNamespaces(client: ClusterClient): Promise<readonly string[]> {
  const { injects } = await import('../../migration/plan/decide-intent.ts')
  const { kinds } = await import('../../cluster/kinds.ts')
  const all = await client.list(kinds.namespace)
  const names = all
    .filter(({ metadata }) => injects(metadata.labels ?? {}))
    .map(({ metadata }) => metadata.name)
  if (names.length > 0) return names
  throw new UsageError(
    'no namespace asks for sidecars by its labels',
    'name one with --namespace, or see `meshbench migrate status`',
  )
}
