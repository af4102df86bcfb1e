import type { ClusterClient } from '../../cluster/client/types.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { adminPorts } from '../../cluster/mesh-labels.ts'
import { seriesOf } from '../inventory/metrics.ts'
import { podText } from './pod-text.ts'

/** Connections to the pods of one workload, as the ztunnels of those pods have counted them. */
export interface Carried {
  readonly mutualTls: number
  readonly plain: number
  /** By policy; they are among those above. */
  readonly refused: number
}

const opened = 'istio_tcp_connections_opened_total'
const failed = 'istio_tcp_connections_failed_total'

/** By workload, of one namespace. Reading fails as podText does. */
export async function carriedBy(
  client: ClusterClient,
  ztunnels: readonly Pod[],
  namespace: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Carried>> {
  const texts = await Promise.all(
    ztunnels.map(async ({ metadata }) => {
      const { text } = await podText(
        client,
        {
          namespace: metadata.namespace ?? '',
          pod: metadata.name,
          port: adminPorts.stats,
          path: '/metrics',
        },
        signal,
      )
      return text
    }),
  )
  return countCarried(texts, namespace)
}

/** Pure. Only the receiving side counts, so that no connection counts twice. */
export function countCarried(
  texts: readonly string[],
  namespace: string,
): ReadonlyMap<string, Carried> {
  const counts = new Map<string, Carried>()
  for (const { name, labels, value } of texts.flatMap((text) => [
    ...seriesOf(text, [opened, failed]),
  ])) {
    if (labels.reporter !== 'destination') continue
    if (labels.destination_workload_namespace !== namespace) continue
    const { destination_workload: workload = 'unknown' } = labels
    const known = counts.get(workload) ?? { mutualTls: 0, plain: 0, refused: 0 }
    const field =
      name === failed
        ? 'refused'
        : labels.connection_security_policy === 'mutual_tls'
          ? 'mutualTls'
          : 'plain'
    if (name === failed && labels.response_flags !== 'DENY') continue
    counts.set(workload, { ...known, [field]: known[field] + value })
  }
  return counts
}
