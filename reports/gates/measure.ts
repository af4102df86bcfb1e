import type { Mode } from '../../harness/modes.ts'
import type { GateOutcome } from '../../harness/result/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import type { Metric } from '../metrics.ts'
import { bootstrapInterval } from '../statistics/interval.ts'
import { hodgesLehmann, median } from '../statistics/median.ts'
import { noiseFloor, pairFloor } from '../statistics/noise.ts'
import { seededRandom } from '../statistics/random.ts'
import { savedDifference } from '../statistics/saved.ts'
import type { Baseline } from './baseline.ts'
import type { GateRule } from './rules.ts'

/** What a rule looks at: the value itself, or its difference to a base. */
export interface Measured {
  readonly value: number
  readonly ciLow: number
  readonly ciHigh: number
  /** What the difference is counted from; null for an absolute limit. */
  readonly base: number | null
  /** The mode's own figure. */
  readonly own: number
  /** How much windows differ among themselves. */
  readonly noise: number
}

export interface Unmeasured {
  readonly reason: GateOutcome['reason']
  readonly explanation: string
}

export interface Samples {
  readonly values: readonly number[]
  readonly baseValues: readonly (readonly number[])[]
}

const fewestWindows = 3

export function samplesOf(
  result: Result,
  rule: GateRule,
  metric: Metric,
  saved: Baseline | null,
): Samples {
  const values = valuesOf(result, rule.mode, metric)
  if (rule.against === undefined) return { values, baseValues: [] }
  if (rule.against !== 'saved') {
    return { values, baseValues: [valuesOf(result, rule.against, metric)] }
  }
  const runs = saved?.runs ?? []
  const known = runs.map((run) => run.values[rule.mode]?.[metric.id] ?? [])
  return { values, baseValues: known.filter(({ length }) => length > 0) }
}

function valuesOf(result: Result, mode: Mode, metric: Metric): number[] {
  return validWindows(result.modes[mode])
    .map((window) => metric.read(window, mode))
    .filter((value) => value !== null)
}

export function measure(
  result: Result,
  rule: GateRule,
  metric: Metric,
  { values, baseValues }: Samples,
): Measured | Unmeasured {
  for (const mode of [rule.mode, rule.against]) {
    if (mode === undefined || mode === 'saved' || result.modes[mode] !== undefined) continue
    return { reason: 'mode-missing', explanation: `${mode} was not measured in this run` }
  }
  if (values.length === 0) {
    const explanation = `no valid window of ${rule.mode} has a figure for ${metric.id}`
    return { reason: 'metric-missing', explanation }
  }
  if (rule.against !== undefined && !baseValues.some(({ length }) => length > 0)) {
    const explanation = `${baseName(rule)} has no figure for ${metric.id}`
    return { reason: 'metric-missing', explanation }
  }
  const fewest = Math.min(values.length, ...baseValues.map(({ length }) => length))
  if (fewest < fewestWindows && rule.use !== 'worst') {
    const explanation = `${fewest} of at least ${fewestWindows} windows: no interval can be given`
    return { reason: 'too-few-windows', explanation }
  }
  const random = seededRandom(
    result.schedule.seed,
    `gate ${rule.mode} ${rule.against} ${metric.id}`,
  )
  if (rule.against === undefined) return absolute(rule, values, random)
  return rule.against === 'saved'
    ? againstSaved(values, baseValues, random)
    : againstMode(values, baseValues[0] ?? [], random)
}

function baseName({ against, mode }: GateRule): string {
  return against === 'saved' ? `the baseline for ${mode}` : (against ?? '')
}

function absolute(rule: GateRule, values: readonly number[], random: () => number): Measured {
  const own = median(values) ?? Number.NaN
  if (rule.use === 'worst') {
    const worst = rule.max === undefined ? Math.min(...values) : Math.max(...values)
    return { value: worst, ciLow: worst, ciHigh: worst, base: null, own, noise: 0 }
  }
  const interval = bootstrapInterval([values], ([drawn]) => median(drawn ?? []), random)
  return withInterval(own, interval, { base: null, own, noise: 0 })
}

function againstMode(
  values: readonly number[],
  base: readonly number[],
  random: () => number,
): Measured {
  const difference = hodgesLehmann(base, values) ?? Number.NaN
  const interval = bootstrapInterval(
    [base, values],
    ([from, to]) => hodgesLehmann(from ?? [], to ?? []),
    random,
  )
  return withInterval(difference, interval, {
    base: median(base),
    own: median(values) ?? Number.NaN,
    noise: pairFloor(noiseFloor([base], random), noiseFloor([values], random)),
  })
}

function againstSaved(
  values: readonly number[],
  runs: readonly (readonly number[])[],
  random: () => number,
): Measured {
  const found = savedDifference(values, runs, random)
  return withInterval(found?.difference ?? Number.NaN, found?.interval ?? null, {
    base: found?.base ?? null,
    own: median(values) ?? Number.NaN,
    noise: noiseFloor([values], random),
  })
}

function withInterval(
  value: number,
  interval: { readonly low: number; readonly high: number } | null,
  about: Pick<Measured, 'base' | 'own' | 'noise'>,
): Measured {
  return { value, ciLow: interval?.low ?? value, ciHigh: interval?.high ?? value, ...about }
}
