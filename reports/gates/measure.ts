import type { Mode } from '../../harness/modes.ts'
import type { GateOutcome } from '../../harness/result/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import type { Metric } from '../metrics.ts'
import { type ByRound, differenceBetween } from '../statistics/difference.ts'
import { bootstrapInterval } from '../statistics/interval.ts'
import { median } from '../statistics/median.ts'
import { noiseFloor } from '../statistics/noise.ts'
import { type Random, seededRandom } from '../statistics/random.ts'
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
  /** Of the mode and the one it is held against, where both were measured in this run. */
  readonly byRound?: { readonly own: ByRound; readonly base: ByRound }
}

const fewestWindows = 3

export function samplesOf(
  result: Result,
  rule: GateRule,
  metric: Metric,
  saved: Baseline | null,
): Samples {
  const own = byRound(result, rule.mode, metric)
  const values = [...own.values()]
  if (rule.against === undefined) return { values, baseValues: [] }
  if (rule.against !== 'saved') {
    const base = byRound(result, rule.against, metric)
    return { values, baseValues: [[...base.values()]], byRound: { own, base } }
  }
  const runs = saved?.runs ?? []
  const known = runs.map((run) => run.values[rule.mode]?.[metric.id] ?? [])
  return { values, baseValues: known.filter(({ length }) => length > 0) }
}

function byRound(result: Result, mode: Mode, metric: Metric): ByRound {
  return new Map(
    validWindows(result.modes[mode]).flatMap((window) => {
      const value = metric.read(window, mode)
      return value === null ? [] : [[window.round, value] as const]
    }),
  )
}

export function measure(
  result: Result,
  rule: GateRule,
  metric: Metric,
  { values, baseValues, byRound: rounds }: Samples,
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
  return rounds === undefined
    ? againstSaved(values, baseValues, random)
    : againstMode(rounds, random)
}

function baseName({ against, mode }: GateRule): string {
  return against === 'saved' ? `the baseline for ${mode}` : (against ?? '')
}

function absolute(rule: GateRule, values: readonly number[], random: Random): Measured {
  const own = median(values) ?? Number.NaN
  if (rule.use === 'worst') {
    const worst = rule.max === undefined ? Math.min(...values) : Math.max(...values)
    return { value: worst, ciLow: worst, ciHigh: worst, base: null, own, noise: 0 }
  }
  const interval = bootstrapInterval([values], ([drawn]) => median(drawn ?? []), random)
  return withInterval(own, interval, { base: null, own, noise: 0 })
}

function againstMode({ own, base }: NonNullable<Samples['byRound']>, random: Random): Measured {
  const found = differenceBetween(base, own, random)
  const { difference, ciLow, ciHigh } = found
  const interval = ciLow === null || ciHigh === null ? null : { low: ciLow, high: ciHigh }
  return withInterval(difference ?? Number.NaN, interval, {
    base: median([...base.values()]),
    own: median([...own.values()]) ?? Number.NaN,
    noise: found.noiseFloor,
  })
}

function againstSaved(
  values: readonly number[],
  runs: readonly (readonly number[])[],
  random: Random,
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
