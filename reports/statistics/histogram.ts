import { build, decodeFromCompressedBase64 } from 'hdr-histogram-js'

export interface MergedHistogram {
  readonly n: number
  readonly atPercentile: (percentile: number) => number
}

/** All windows' requests as one distribution: percentiles cannot be averaged, histograms can be added. */
export function mergeHistograms(encoded: readonly string[]): MergedHistogram {
  const merged = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
  })
  // A request past the range is still a request: let the range grow rather than drop it.
  merged.autoResize = true
  for (const text of encoded) {
    if (text !== '') merged.add(decodeFromCompressedBase64(text, 32))
  }
  return { n: merged.totalCount, atPercentile: (p) => merged.getValueAtPercentile(p) }
}
