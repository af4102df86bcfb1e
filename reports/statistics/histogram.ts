import { build, decodeFromCompressedBase64, JsHistogram } from 'hdr-histogram-js'

export interface MergedHistogram {
  readonly n: number
  readonly minUs: number
  readonly maxUs: number
  readonly meanUs: number
  readonly deviationUs: number
  readonly atPercentile: (percentile: number) => number
  /** Values that were counted, upwards, each up to and with `toUs`. */
  readonly buckets: () => readonly { readonly toUs: number; readonly count: number }[]
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
  return {
    n: merged.totalCount,
    minUs: merged.totalCount === 0 ? 0 : merged.minNonZeroValue,
    maxUs: merged.maxValue,
    meanUs: merged.mean,
    deviationUs: merged.stdDeviation,
    atPercentile: (p) => merged.getValueAtPercentile(p),
    buckets: () => bucketsOf(merged),
  }
}

function bucketsOf(merged: ReturnType<typeof build>): ReturnType<MergedHistogram['buckets']> {
  if (!(merged instanceof JsHistogram)) throw new TypeError('an histogram of another kind')
  const buckets: { toUs: number; count: number }[] = []
  const steps = merged.recordedValuesIterator
  steps.reset()
  while (steps.hasNext()) {
    const { valueIteratedTo: toUs, countAddedInThisIterationStep: count } = steps.next()
    buckets.push({ toUs, count })
  }
  return buckets
}
