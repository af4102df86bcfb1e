import type { Comparison, Result } from '../harness/result/schema.ts'
import { type Metric, metrics } from './metrics.ts'

/** Below this a two-sided permutation test cannot get there. */
export const leastWindowsForVerdict = 4

/**
 * Stricter than the usual 0.05, which would raise 4 to 5 alarms in 100 comparisons of a mode with
 * itself and so more than 5 every now and then; this gives about 2. The surest that 6 rounds (0.031) or
 * 4 + 4 windows (0.029) can be still counts.
 */
export const significance = 0.032

type Unjudged = Omit<Comparison, 'verdict'>

/**
 * `less` and `more` are said only when all of these hold: at least 4 windows a side, the 95 %
 * interval leaves out zero, permutation p <= 0.032, and the difference exceeds both the A/A noise
 * floor of the two modes compared and the least effect worth speaking of.
 *
 * Otherwise `no-difference`, which means "none detected", or `inconclusive` when nobody could have
 * detected one: below 4 windows a side p cannot get there (it is 0.1 at 3), so a quick run gives
 * differences and intervals but no verdicts. `indication` tells which of those point somewhere.
 */
export function judge(compared: Unjudged, metric: Metric): Comparison['verdict'] {
  const { difference, p, n } = compared
  if (n < leastWindowsForVerdict || difference === null || p === null) return 'inconclusive'
  if (p > significance || Math.abs(difference) <= leastDifference(compared, metric))
    return 'no-difference'
  return sureDirection(compared) ?? 'no-difference'
}

/** What a difference must exceed: the noise of the two modes, and what anybody would care about. */
export function leastDifference(
  { baseValue, noiseFloor = 0 }: Unjudged,
  { minimumEffect }: Metric,
): number {
  const { absolute, ofBase } = minimumEffect
  return Math.max(noiseFloor, absolute, ofBase * Math.abs(baseValue ?? 0))
}

function sureDirection({ ciLow, ciHigh }: Unjudged): 'less' | 'more' | null {
  if (ciLow === null || ciHigh === null) return null
  if (ciHigh < 0) return 'less'
  return ciLow > 0 ? 'more' : null
}

/**
 * Where a comparison without enough windows points: every window of one side lies beyond every
 * window of the other, by more than the noise floor and the least effect. Worth saying as "in all 3
 * repeats", never as a verdict.
 */
export function indication(result: Result, comparison: Comparison): 'less' | 'more' | null {
  const { difference, verdict, n } = comparison
  if (verdict !== 'inconclusive' || difference === null || n < 2) return null
  const metric = metrics.find(({ id }) => id === comparison.metric)
  if (metric === undefined) return null
  if (Math.abs(difference) <= leastDifference(comparison, metric)) return null
  const base = valuesOf(result, comparison, 'base')
  const other = valuesOf(result, comparison, 'other')
  if (Math.max(...other) < Math.min(...base)) return 'less'
  return Math.min(...other) > Math.max(...base) ? 'more' : null
}

function valuesOf(result: Result, comparison: Comparison, side: 'base' | 'other'): number[] {
  const values = result.modes[comparison[side]]?.summary[comparison.metric]?.values ?? []
  return values.filter((value) => value !== null)
}
