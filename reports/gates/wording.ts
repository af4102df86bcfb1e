import type { GateOutcome, GateReport } from '../../harness/result/gates.ts'
import type { Metric } from '../metrics.ts'
import { formatNumber, plural, signed } from '../wording/numbers.ts'
import type { Measured } from './measure.ts'
import type { GateRule } from './rules.ts'

/** `Latency p99 of ambient against sidecar` */
function subject(rule: GateRule, metric: Metric): string {
  const base = rule.against === 'saved' ? ' against saved runs' : ` against ${rule.against}`
  return `${metric.title} of ${rule.mode}${rule.against === undefined ? '' : base}`
}

function limitText(rule: GateRule, metric: Metric): string {
  const text = rule.max ?? rule.min
  const unit = typeof text === 'number' && metric.unit !== '' ? ` ${metric.unit}` : ''
  return `${rule.max === undefined ? 'at least' : 'at most'} ${text}${unit}`
}

export function ruleName(rule: GateRule, metric: Metric): string {
  return rule.name ?? `${subject(rule, metric)}: ${limitText(rule, metric)}`
}

/** The rule in full, with what a percentage came to. */
export function expectedText(
  rule: GateRule,
  metric: Metric,
  limit: number | null,
  found: Measured | null,
): string {
  const every = rule.use === 'worst' ? ' in every window' : ''
  const text = `${subject(rule, metric)} ${limitText(rule, metric)}${every}`
  if (limit === null || found?.base == null || !isPercent(rule)) return text
  return `${text} (${amount(metric, limit, true)})`
}

/** `172 ms/1k req against 405, -58 % [-62, -54]` */
export function foundText(rule: GateRule, metric: Metric, found: Measured | null): string {
  if (found === null) return 'nothing to judge'
  const { value, ciLow, ciHigh, base, own } = found
  const write = (number: number): string => formatNumber(number, metric.digits)
  if (base === null) {
    const ends = rule.use === 'worst' ? '' : ` [${write(ciLow)}, ${write(ciHigh)}]`
    return `${amount(metric, value, false)}${ends}`
  }
  const pair = `${amount(metric, own, false)} against ${write(base)}`
  if (!isPercent(rule) || base === 0) {
    const ends = [ciLow, ciHigh].map((end) => signed(write(end))).join(', ')
    return `${pair}, ${amount(metric, value, true)} [${ends}]`
  }
  const share = (number: number): string => signed(formatNumber((100 * number) / Math.abs(base), 1))
  return `${pair}, ${share(value)} % [${share(ciLow)}, ${share(ciHigh)}]`
}

function isPercent(rule: GateRule): boolean {
  return /%\s*$/.test(String(rule.max ?? rule.min))
}

function amount({ digits, unit }: Metric, value: number, isDifference: boolean): string {
  const number = formatNumber(value, digits)
  return `${isDifference ? signed(number) : number}${unit === '' ? '' : ` ${unit}`}`
}

/** `1 failed, 1 warning, 3 passed` */
export function countText({ outcomes }: GateReport): string {
  const count = (wanted: GateOutcome['verdict']): number =>
    outcomes.filter(({ verdict }) => verdict === wanted).length
  const parts: readonly (readonly [number, string])[] = [
    [count('fail'), `${count('fail')} failed`],
    [count('inconclusive'), `${count('inconclusive')} not judged`],
    [count('warn'), plural(count('warn'), 'warning')],
    [count('pass'), `${count('pass')} passed`],
    [count('off'), `${count('off')} off`],
  ]
  return parts.flatMap(([number, text]) => (number === 0 ? [] : [text])).join(', ')
}

/** All values behind a verdict, for whoever doubts it. */
export function valuesText({ mode, against, values, baseValues, unit }: GateOutcome): string {
  const write = (list: readonly number[]): string =>
    list.map((value) => formatNumber(value, 3)).join(' ')
  const bases = baseValues.map((list, index) =>
    against === 'saved' ? `run ${index + 1}: ${write(list)}` : `${against}: ${write(list)}`,
  )
  const all = [`${mode}: ${write(values)}`, ...bases].join('; ')
  return values.length === 0 ? 'none' : `${all}${unit === '' ? '' : ` (${unit})`}`
}
