import type { Mode } from '../../harness/modes.ts'
import type { Comparison, Result } from '../../harness/result/schema.ts'
import { leastWindowsForVerdict } from '../judge.ts'
import type { MetricId } from '../metrics.ts'
import { comparisonOf, describe } from './difference.ts'
import { formatNumber, type NumberStyle, plural } from './numbers.ts'
import { loadText, mainPair } from './run.ts'

/**
 * The answer in plain words. It never names a direction the statistics did not find, and says when a
 * direction is only what all (too few) repeats showed.
 */
export function verdictSentence(result: Result, style: NumberStyle): string {
  const pair = mainPair(result)
  if (pair === null) {
    return `Only one mode was measured, at ${loadText(result, style)}: there is nothing to compare.`
  }
  const [base, other] = pair
  const say = (metric: MetricId): Clause | null => clause(result, base, other, metric, style)
  const costs = base === 'baseline' ? [say('latencyP50Ms')] : proxyCosts(result, pair, style)
  const tail = say('latencyP99Ms') ?? say('latencyP90Ms')
  const parts = joined([...costs, tail].filter((part) => part !== null))
  if (parts === '') return `Nothing could be compared between ${base} and ${other}.`
  const against = base === 'baseline' ? 'against baseline, ' : ''
  return [
    `At ${loadText(result, style)}, ${against}${explained(parts, windowsOf(result, pair))}.`,
    costSentence(result, pair, style),
    waypointSentence(result, pair, style),
    tooFewSentence(result, pair),
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

/** The first interval says what it is; the others look like it. Few repeats cannot make 95 %. */
function explained(text: string, windows: number): string {
  const name = windows < leastWindowsForVerdict ? 'interval' : '95 % interval'
  return text.replace(' (', ` (${name} `)
}

function windowsOf(result: Result, [base, other]: readonly [Mode, Mode]): number {
  return result.comparisons.find((c) => c.base === base && c.other === other)?.n ?? 0
}

/** Against a baseline a percentage of proxy cost means nothing: it has no proxies. */
function costSentence(
  result: Result,
  [base, other]: readonly [Mode, Mode],
  style: NumberStyle,
): string {
  const summary = result.modes[other]?.summary
  const cpu = summary?.proxyCpuMsPerThousand?.value ?? null
  const memory = summary?.proxyPssMiB?.value ?? null
  if (base !== 'baseline' || cpu === null) return ''
  const memoryText = memory === null ? '' : ` and ${formatNumber(memory, 1, style)} MiB of memory`
  return `The proxies of ${other} took ${formatNumber(cpu, 1, style)} ms of CPU per 1,000 requests${memoryText}.`
}

/** CPU and memory share one clause when both were found. */
function proxyCosts(
  result: Result,
  [base, other]: readonly [Mode, Mode],
  style: NumberStyle,
): (Clause | null)[] {
  const cpu = comparisonOf(result, base, other, 'proxyCpuMsPerThousand')
  const memory = comparisonOf(result, base, other, 'proxyPssMiB')
  const apart = [cpu, memory].map(
    (found) => found && clause(result, base, other, found.metric as MetricId, style),
  )
  if (cpu === undefined || memory === undefined) return apart.map((found) => found ?? null)
  const [cpuTone, memoryTone] = [cpu, memory].map((found) => describe(result, found, style).tone)
  if (cpuTone === 'neutral' || cpuTone !== memoryTone) return apart.map((found) => found ?? null)
  const text = `${other}'s proxies needed ${amountText(cpu, style)} and ${amountText(memory, style)} than ${base}'s`
  return [{ text, tone: cpuTone ?? 'neutral' }]
}

interface Clause {
  readonly text: string
  readonly tone: 'better' | 'worse' | 'neutral'
  /** Set where there is no direction; `text` is then only the name of what was compared. */
  readonly unsure?: 'single' | 'noise' | 'none'
}

function clause(
  result: Result,
  base: Mode,
  other: Mode,
  metric: MetricId,
  style: NumberStyle,
): Clause | null {
  const found = comparisonOf(result, base, other, metric)
  if (found === undefined || found.n === 0) return null
  const { direction, tone } = describe(result, found, style)
  if (direction === null) {
    const unsure = found.n < 2 ? 'single' : found.verdict === 'inconclusive' ? 'noise' : 'none'
    return { text: nouns[metric] ?? metric, tone, unsure }
  }
  const isCost = metric === 'proxyCpuMsPerThousand' || metric === 'proxyPssMiB'
  return { text: isCost ? costText(found, style) : latencyText(found, style), tone }
}

const nouns: Partial<Record<MetricId, string>> = {
  proxyCpuMsPerThousand: 'proxy CPU per request',
  proxyPssMiB: 'proxy memory',
  latencyP50Ms: 'median latency',
  latencyP90Ms: 'p90 latency',
  latencyP99Ms: 'p99 latency',
}

function costText(found: Comparison, style: NumberStyle): string {
  return `${found.other}'s proxies needed ${amountText(found, style)} than ${found.base}'s`
}

/** `38 % less CPU per request (95 % interval 34 to 42 %)` */
function amountText(found: Comparison, style: NumberStyle): string {
  const { baseValue } = found
  const difference = found.difference ?? 0
  const noun = found.metric === 'proxyPssMiB' ? 'memory' : 'CPU per request'
  const word = difference < 0 ? 'less' : 'more'
  if (baseValue === null || baseValue === 0) return `${word} ${noun}`
  const percent = (value: number): string =>
    formatNumber(Math.abs((100 * value) / baseValue), 0, style)
  return `${percent(difference)} % ${word} ${noun}${intervalText(found, percent, ' %')}`
}

function latencyText(found: Comparison, style: NumberStyle): string {
  const { ciLow, ciHigh } = found
  const noun = nouns[found.metric as MetricId] ?? found.metric
  const halfWidth = ciLow === null || ciHigh === null ? 0 : (ciHigh - ciLow) / 2
  const amount = (value: number): string => formatNumber(Math.abs(value), 2, style, halfWidth)
  const word = (found.difference ?? 0) < 0 ? 'lower' : 'higher'
  const interval = intervalText(found, amount, ' ms')
  return `${noun} was ${amount(found.difference ?? 0)} ms ${word}${interval}`
}

/** Both ends on the difference's side of zero, the smaller first; else none, as its sign is unsure. */
function intervalText(
  { ciLow, ciHigh }: Comparison,
  write: (value: number) => string,
  unit: string,
): string {
  if (ciLow === null || ciHigh === null || ciLow * ciHigh < 0) return ''
  const [near, far] = [ciLow, ciHigh].sort((a, b) => Math.abs(a) - Math.abs(b))
  return ` (${write(near ?? 0)} to ${write(far ?? 0)}${unit})`
}

/** Good news and bad news are set against each other, like is added to like, the unsure is last. */
function joined(clauses: readonly Clause[]): string {
  const sure = clauses.filter(({ unsure }) => unsure === undefined)
  const text = sure.reduce((before, { text: next, tone }, index) => {
    if (index === 0) return next
    return `${before}, ${sure[index - 1]?.tone === tone ? 'and' : 'while'} ${next}`
  }, '')
  const named = (kind: Clause['unsure']): string =>
    listed(clauses.filter(({ unsure }) => unsure === kind).map((clause) => clause.text))
  const [single, noise, none] = [named('single'), named('noise'), named('none')]
  return [
    text,
    single === '' ? '' : `one repeat cannot tell a difference in ${single}`,
    noise === '' ? '' : `the difference in ${noise} stayed within the noise`,
    none === '' ? '' : `no difference in ${none} was detected`,
  ]
    .filter((part) => part !== '')
    .join(', and ')
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}

function waypointSentence(
  result: Result,
  [base, other]: readonly [Mode, Mode],
  style: NumberStyle,
): string {
  if (other !== 'ambient') return ''
  const found = comparisonOf(result, base, 'waypoint', 'proxyCpuMsPerThousand')
  if (found === undefined || base === 'baseline' || found.n === 0) return ''
  const { direction } = describe(result, found, style)
  if (direction === null) {
    return 'With a waypoint on the path no difference in proxy CPU could be told.'
  }
  const text = costText(found, style).replace("waypoint's proxies", 'the proxies')
  return `With a waypoint on the path, ${text}.`
}

function tooFewSentence(result: Result, pair: readonly [Mode, Mode]): string {
  const windows = windowsOf(result, pair)
  if (windows >= leastWindowsForVerdict || windows === 0) return ''
  return `With ${plural(windows, 'repeat')} this is an indication; a verdict needs at least ${leastWindowsForVerdict}.`
}
