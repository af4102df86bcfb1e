import type { Comparison, Estimate, Result } from '../../harness/result/schema.ts'
import { indication, leastDifference } from '../judge.ts'
import { type Metric, metrics } from '../metrics.ts'
import { ascii, fixed, formatNumber, type NumberStyle, signed } from './numbers.ts'

export interface DifferenceText {
  /** `-38 %`, `+0.15 ms`, or `~` where none was detected. */
  readonly amount: string
  /** `[-42, -34]`, in the amount's unit; empty where there is none to give. */
  readonly interval: string
  /** Never a direction without a verdict or an indication. */
  readonly word: string
  /** Why none was detected although the interval leaves out zero; else empty. */
  readonly reason: string
  readonly tone: 'better' | 'worse' | 'neutral'
  readonly direction: 'less' | 'more' | null
}

export function comparisonOf(
  result: Result,
  base: string,
  other: string,
  metric: string,
): Comparison | undefined {
  return result.comparisons.find(
    (found) => found.base === base && found.other === other && found.metric === metric,
  )
}

export function describe(
  result: Result,
  comparison: Comparison,
  style: NumberStyle = ascii,
): DifferenceText {
  const { verdict } = comparison
  const direction =
    verdict === 'inconclusive'
      ? indication(result, comparison)
      : verdict === 'no-difference'
        ? null
        : verdict
  return describeAs(comparison, direction, style)
}

/** With a direction the caller has settled: a verdict, or what all of too few repeats show. */
export function describeAs(
  comparison: Comparison,
  direction: DifferenceText['direction'],
  style: NumberStyle = ascii,
): DifferenceText {
  const metric = metrics.find(({ id }) => id === comparison.metric)
  const { verdict, n } = comparison
  if (metric === undefined || comparison.difference === null || n === 0) {
    return { amount: 'n/a', interval: '', word: 'not measured', ...nothing }
  }
  const { amount, interval } = amounts(metric, comparison, comparison.difference, style)
  if (verdict === 'no-difference') {
    return {
      amount: '~',
      interval,
      word: 'no difference detected',
      ...nothing,
      reason: reasonOf(metric, comparison, style),
    }
  }
  if (direction === null) {
    const word = n < 2 ? 'too few repeats' : 'within the noise'
    return { amount: '~', interval, word, ...nothing }
  }
  const repeats = n === 2 ? 'both' : `all ${n}`
  const word = verdict === 'inconclusive' ? `${direction} in ${repeats} repeats` : direction
  return { amount, interval, word, reason: '', tone: toneOf(metric, direction), direction }
}

const nothing = { reason: '', tone: 'neutral', direction: null } as const

/** An interval without zero looks like a difference: what stood in the way is said. */
function reasonOf(metric: Metric, comparison: Comparison, style: NumberStyle): string {
  const { ciLow, ciHigh, difference, noiseFloor = 0 } = comparison
  if (ciLow === null || ciHigh === null || difference === null) return ''
  if (ciLow <= 0 && ciHigh >= 0) return ''
  const least = leastDifference(comparison, metric)
  if (Math.abs(difference) > least) return 'chance is not ruled out'
  const unit = unitSuffix(metric)
  return least > noiseFloor
    ? 'too small to matter'
    : `within the noise of ${formatNumber(noiseFloor, metric.digits, style)}${unit}`
}

/** Difference and ends of its interval as shown: per cent of the base, or the metric's own unit. */
function amounts(
  metric: Metric,
  { baseValue, ciLow, ciHigh }: Comparison,
  difference: number,
  style: NumberStyle,
): { readonly amount: string; readonly interval: string } {
  const asPercent = metric.show === 'percent' && baseValue !== null && baseValue !== 0
  const scale = asPercent ? 100 / baseValue : 1
  const halfWidth = ciLow === null || ciHigh === null ? 0 : ((ciHigh - ciLow) / 2) * scale
  const digits = asPercent ? (Math.abs(difference * scale) < 10 ? 1 : 0) : metric.digits
  const write = (value: number): string =>
    signed(formatNumber(value * scale, digits, style, halfWidth))
  const unit = asPercent ? ' %' : unitSuffix(metric)
  const interval =
    ciLow === null || ciHigh === null || ciLow === ciHigh
      ? ''
      : `[${write(ciLow)}, ${write(ciHigh)}]`
  return { amount: `${write(difference)}${unit}`, interval }
}

/** Short units stand behind a number; long ones ("% of arrivals") stand in the row's head alone. */
function unitSuffix({ unit }: Metric): string {
  return unit.includes(' ') || unit === 'processes' ? '' : ` ${unit}`
}

function toneOf(metric: Metric, direction: 'less' | 'more'): DifferenceText['tone'] {
  if (metric.better === 'none') return 'neutral'
  return metric.better === direction ? 'better' : 'worse'
}

/**
 * `0.50 ±0.02`: half the width of the interval, or both its ends where one is much farther away
 * than the other, as `±` would then promise values below zero. Empty without an interval.
 */
export function estimateText(
  metric: Metric,
  estimate: Estimate | undefined,
  style: NumberStyle = ascii,
): { readonly value: string; readonly spread: string } {
  if (estimate === undefined || estimate.value === null) return { value: 'n/a', spread: '' }
  const { value, ciLow, ciHigh } = estimate
  if (ciLow === null || ciHigh === null) {
    return { value: formatNumber(value, metric.digits, style), spread: '' }
  }
  const sides = [value - ciLow, ciHigh - value].sort((a, b) => a - b)
  const [near = 0, far = 0] = sides
  if (far > 3 * near && far > 0.3 * Math.abs(value)) {
    const write = (end: number): string => formatNumber(end, metric.digits, style, near)
    const ends = [ciLow, ciHigh].map(write)
    return { value: write(value), spread: ends[0] === ends[1] ? '' : `[${ends.join(', ')}]` }
  }
  const half = (ciHigh - ciLow) / 2
  const text = formatNumber(value, metric.digits, style, half)
  const spread = fixed(half, text.split('.')[1]?.length ?? 0, style)
  return { value: text, spread: /[1-9]/.test(spread) ? `±${spread}` : '' }
}
