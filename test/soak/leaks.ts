import type { Footprint, Measure } from './footprint.ts'

export interface Verdict {
  readonly measure: Measure
  readonly first: number
  readonly last: number
  readonly mostGrowth: number
  readonly leaks: boolean
}

interface Limit {
  /** Growth that is no leak: whatever is greater. */
  readonly share: number
  readonly absolute: number
}

const mebibyte = 1024 * 1024
const none: Limit = { share: 0, absolute: 0 }
/**
 * Sockets and timers come and go with requests under way, many of them where these have to wait. RSS
 * keeps what the allocator was once given. A leak of one a change is beyond all of these in the end.
 */
const limits: Readonly<Record<Measure, Limit>> = {
  heapBytes: { share: 0.1, absolute: 4 * mebibyte },
  externalBytes: { share: 0.1, absolute: 4 * mebibyte },
  rssBytes: { share: 0.15, absolute: 24 * mebibyte },
  sockets: { share: 0.05, absolute: 6 },
  files: none,
  timers: { share: 0.2, absolute: 10 },
  processes: none,
  childDescriptors: { share: 2, absolute: 200 },
  veteranDescriptors: { share: 0.5, absolute: 128 },
  podLogs: none,
}

/** Fewer cannot show a trend: the first ones fill caches. */
export const leastSamples = 4

/**
 * Compares the median of the last third of samples with that of the first; one sample before them is
 * warm-up. Undefined when there are too few.
 */
export function judge(samples: readonly Footprint[]): readonly Verdict[] | undefined {
  if (samples.length < leastSamples) return undefined
  const [, ...warm] = samples
  const third = Math.max(Math.floor(warm.length / 3), 1)
  return (Object.keys(limits) as Measure[]).map((measure) => {
    const values = warm.map((sample) => sample[measure])
    const first = median(values.slice(0, third))
    const last = median(values.slice(-third))
    const mostGrowth = Math.max(first * limits[measure].share, limits[measure].absolute)
    return { measure, first, last, mostGrowth, leaks: last - first > mostGrowth }
  })
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}
