import { type Mode, modes } from '../harness/modes.ts'
import type { Comparison, Estimate, ModeResult, Result, Window } from '../harness/result/schema.ts'
import { judge } from './judge.ts'
import { type Metric, metrics } from './metrics.ts'
import { type ByRound, differenceBetween } from './statistics/difference.ts'
import { bootstrapInterval } from './statistics/interval.ts'
import { median } from './statistics/median.ts'
import { noiseFloor } from './statistics/noise.ts'
import { seededRandom } from './statistics/random.ts'

/**
 * Fills in what follows from the windows: summaries, comparisons, noise floor.
 *
 * - The window is the unit of statistics. One with a finding of severity error does not count; none
 *   is left out for its value.
 * - A mode's figure is the median of its windows; a difference is the Hodges-Lehmann estimate, so it
 *   may differ a little from the subtraction of two medians.
 * - The words come from judge.ts.
 */
export function analyse(result: Result): Result {
  const measured = Object.fromEntries(
    modes.flatMap((mode) => {
      const found = result.modes[mode]
      return found === undefined ? [] : [[mode, valuesByMetric(found, mode)] as const]
    }),
  ) as Partial<Record<Mode, Measured>>
  const noise = Object.fromEntries(
    metrics.flatMap((metric) => floorOf(metric, measured, result.schedule.seed)),
  )
  return {
    ...result,
    modes: Object.fromEntries(
      Object.entries(result.modes).map(([mode, found]) => [
        mode,
        {
          ...found,
          summary: summarise(measured[mode as Mode]?.values, result.schedule.seed, mode),
        },
      ]),
    ),
    comparisons: pairs.flatMap(([base, other]) => {
      const left = measured[base]
      const right = measured[other]
      if (left === undefined || right === undefined) return []
      return metrics.map((metric) =>
        compare(metric, { base, other, left, right }, result.schedule.seed),
      )
    }),
    noise,
  }
}

/** Base first. Every mode against none, ambient's two forms against sidecar, what a waypoint adds. */
const pairs: readonly (readonly [base: Mode, other: Mode])[] = [
  ['sidecar', 'ambient'],
  ['sidecar', 'waypoint'],
  ['baseline', 'sidecar'],
  ['baseline', 'ambient'],
  ['baseline', 'waypoint'],
  ['ambient', 'waypoint'],
]

type Values = Readonly<Record<string, readonly (number | null)[]>>

interface Measured {
  /** Of each value, in the same order. */
  readonly rounds: readonly number[]
  readonly values: Values
}

export function validWindows(mode: ModeResult | undefined): Window[] {
  return (mode?.windows ?? [])
    .filter(({ findings }) => !findings.some(({ severity }) => severity === 'error'))
    .sort((a, b) => a.round - b.round)
}

function valuesByMetric(found: ModeResult, mode: Mode): Measured {
  const windows = validWindows(found)
  return {
    rounds: windows.map(({ round }) => round),
    values: Object.fromEntries(
      metrics.map(({ id, read }) => [id, windows.map((window) => read(window, mode))]),
    ),
  }
}

function known(values: readonly (number | null)[] | undefined): number[] {
  return (values ?? []).filter((value) => value !== null)
}

function summarise(
  values: Values | undefined,
  seed: number,
  mode: string,
): Record<string, Estimate> {
  return Object.fromEntries(
    Object.entries(values ?? {}).map(([id, all]) => {
      const numbers = known(all)
      const random = seededRandom(seed, `${mode} ${id}`)
      const interval = bootstrapInterval([numbers], ([sample]) => median(sample ?? []), random)
      return [
        id,
        {
          value: median(numbers),
          ciLow: interval?.low ?? null,
          ciHigh: interval?.high ?? null,
          n: numbers.length,
          values: [...all],
        },
      ]
    }),
  )
}

function floorOf(
  { id, unit }: Metric,
  measured: Partial<Record<Mode, Measured>>,
  seed: number,
): [string, Result['noise'][string]][] {
  const repeated = Object.entries(measured).flatMap(([mode, { values }]) => {
    const numbers = known(values[id])
    return numbers.length < 2 ? [] : [{ mode, numbers }]
  })
  if (repeated.length === 0) return []
  const windows = repeated.reduce((sum, { numbers }) => sum + numbers.length, 0)
  return [
    [
      id,
      {
        unit,
        floor: noiseFloor(
          repeated.map(({ numbers }) => numbers),
          seededRandom(seed, `noise ${id}`),
        ),
        modes: Object.fromEntries(
          repeated.map(({ mode, numbers }) => [
            mode,
            noiseFloor([numbers], seededRandom(seed, `noise ${id} ${mode}`)),
          ]),
        ),
        source: `${windows} windows, each mode compared with itself by resampling`,
      },
    ],
  ]
}

interface Pair {
  readonly base: Mode
  readonly other: Mode
  readonly left: Measured
  readonly right: Measured
}

function compare(metric: Metric, { base, other, left, right }: Pair, seed: number): Comparison {
  const from = byRound(left, metric.id)
  const to = byRound(right, metric.id)
  const random = seededRandom(seed, `${base} ${other} ${metric.id}`)
  const baseValue = median([...from.values()])
  const otherValue = median([...to.values()])
  const compared = {
    metric: metric.id,
    unit: metric.unit,
    base,
    other,
    baseValue,
    otherValue,
    ratio:
      baseValue === null || otherValue === null || baseValue === 0 ? null : otherValue / baseValue,
    ...differenceBetween(from, to, random),
  }
  return { ...compared, verdict: judge(compared, metric) }
}

function byRound({ rounds, values }: Measured, id: string): ByRound {
  const all = values[id] ?? []
  return new Map(
    rounds.flatMap((round, index) => {
      const value = all[index] ?? null
      return value === null ? [] : [[round, value] as const]
    }),
  )
}
