import type { Result } from '../result/schema.ts'

/**
 * What carries the traffic. Our proxies are single-threaded and need no CNI plugin; of a cluster that is
 * not ours neither is known.
 */
export function describeCluster({
  gitVersion: version,
  embedded,
}: {
  readonly gitVersion: string
  readonly embedded: boolean
}): Result['environment']['cluster'] {
  if (!embedded) return { kind: 'kubernetes', version }
  return { kind: 'embedded', version, proxyWorkers: 1, capture: handedOverSockets }
}

const handedOverSockets = 'sockets bound by node agents and handed to the proxies, no CNI plugin'
