import { expandedTail, type Interval } from './interval.ts'
import { median } from './median.ts'
import type { Random } from './random.ts'

const resamples = 2000

/**
 * How far a run lies from saved ones, with a 95 % interval. Runs differ by more than the windows
 * inside them (a warm page cache, another layout in memory), so the interval holds both: the saved
 * runs are resampled, windows within each of them too, and the new run is given the deviation from
 * the middle that a saved run drawn at random shows. A single saved run knows nothing of that, and
 * the interval is then too narrow: the caller has to say so. Null below 3 windows on either side.
 */
export function savedDifference(
  windows: readonly number[],
  runs: readonly (readonly number[])[],
  random: Random,
): { readonly base: number; readonly difference: number; readonly interval: Interval } | null {
  const centres = runs.map((run) => median(run) ?? Number.NaN)
  const base = median(centres)
  const value = median(windows)
  const fewest = Math.min(windows.length, ...runs.map(({ length }) => length))
  if (base === null || value === null || fewest < 3) return null
  const draw = <T>(values: readonly T[]): T => {
    return values[Math.floor(random() * values.length)] as T
  }
  const resampledMedian = (values: readonly number[]): number =>
    median(values.map(() => draw(values))) ?? Number.NaN
  // Drawing from n runs understates their spread by sqrt((n - 1) / n).
  const correction = runs.length < 2 ? 0 : Math.sqrt(runs.length / (runs.length - 1))
  const drawn = Float64Array.from({ length: resamples }, () => {
    const from = median(runs.map(() => resampledMedian(draw(runs)))) ?? Number.NaN
    const to = resampledMedian(windows) + correction * (draw(centres) - base)
    return to - from
  }).sort()
  const beyond = Math.floor(resamples * expandedTail(fewest, windows.length + runs.length - 2))
  return {
    base,
    difference: value - base,
    interval: {
      low: drawn[beyond] ?? Number.NaN,
      high: drawn[resamples - 1 - beyond] ?? Number.NaN,
    },
  }
}
