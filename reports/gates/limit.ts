import type { Metric } from '../metrics.ts'

export interface Limit {
  readonly amount: number
  /** In per cent of what the rule compares with; else in the metric's unit. */
  readonly percent: boolean
}

const written = /^([+-]?\d+(?:\.\d+)?)\s*(\S.*)?$/

/**
 * `5`, `"5 ms"` or `"10 %"`. Nobody knows by heart whether a metric is in ms or us, so a unit that is
 * written must be the metric's own. Gives back the complaint where it is not.
 */
export function parseLimit(
  text: number | string,
  metric: Metric,
  compares: boolean,
): Limit | { readonly complaint: string } {
  if (typeof text === 'number') return { amount: text, percent: false }
  const [, number, unit = ''] = written.exec(text.trim()) ?? []
  if (number === undefined) {
    return { complaint: `"${text}" is no limit: write a number, "5 ms" or "10 %"` }
  }
  const amount = Number(number)
  if (unit === '' || unit === metric.unit) return { amount, percent: false }
  if (unit === '%' && compares) return { amount, percent: true }
  if (unit === '%' && metric.unit.startsWith('%')) return { amount, percent: false }
  if (unit === '%') {
    return { complaint: `"${text}" has nothing to be a percentage of: add against: MODE or saved` }
  }
  const own = metric.unit === '' ? 'without a unit' : `in ${metric.unit}`
  return { complaint: `"${text}": ${metric.id} is ${own}` }
}
