import { type Mode, modes } from '../../harness/modes.ts'
import type { Comparison, Result } from '../../harness/result/schema.ts'
import { differences, hardwareOf, loadOf, softwareOf } from '../gates/baseline.ts'
import { isTrustworthy } from '../history/series.ts'
import { judge, leastDifference } from '../judge.ts'
import { dependsOnOtherModes, type Metric, metrics } from '../metrics.ts'
import { bootstrapInterval } from '../statistics/interval.ts'
import { hodgesLehmann } from '../statistics/median.ts'
import { pairFloor } from '../statistics/noise.ts'
import { permutationP } from '../statistics/permutation.ts'
import { seededRandom } from '../statistics/random.ts'

/** One metric of one mode, then and now. `base` is the old run, `other` the new one. */
export interface Change {
  readonly mode: Mode
  readonly metric: Metric
  readonly compared: Comparison
  /** A direction that may be spoken of; null where nothing was told apart. */
  readonly direction: 'less' | 'more' | null
}

export interface RunComparison {
  readonly before: Result
  readonly after: Result
  readonly hardware: readonly string[]
  readonly load: readonly string[]
  readonly software: readonly string[]
  /** Modes only one of them has. */
  readonly missing: readonly string[]
  /** A run that must not be trusted. */
  readonly invalid: readonly string[]
  /** Another machine, another load or an invalid run: figures stand side by side, and no direction is given. */
  readonly comparable: boolean
  readonly changes: readonly Change[]
}

/**
 * Two analysed runs, metric by metric within each mode. Windows are the unit, as within a run; but
 * what happened between two runs (another kernel, a warmer room) is not in their spread, and the
 * documents say so.
 */
export function compareRuns(before: Result, after: Result): RunComparison {
  const hardware = differences(hardwareOf(after), hardwareOf(before), 'the old run')
  const load = differences(loadOf(after), loadOf(before), 'the old run')
  const invalid = [
    ...(isTrustworthy(before) ? [] : ['the old run is not valid']),
    ...(isTrustworthy(after) ? [] : ['the new run is not valid']),
  ]
  const comparable = [hardware, load, invalid].every(({ length }) => length === 0)
  const shared = modes.filter((mode) => before.modes[mode] && after.modes[mode])
  const missing = modes.flatMap((mode) => {
    if (before.modes[mode] && !after.modes[mode]) return [`${mode} only in the old run`]
    return after.modes[mode] && !before.modes[mode] ? [`${mode} only in the new run`] : []
  })
  const judged = (metric: Metric): boolean =>
    comparable && !(missing.length > 0 && dependsOnOtherModes(metric.id))
  return {
    before,
    after,
    hardware,
    load,
    invalid,
    software: differences(softwareOf(after), softwareOf(before), 'the old run'),
    missing,
    comparable,
    changes: shared.flatMap((mode) =>
      metrics.flatMap((metric) => changeOf(before, after, mode, metric, judged(metric))),
    ),
  }
}

function changeOf(
  before: Result,
  after: Result,
  mode: Mode,
  metric: Metric,
  comparable: boolean,
): Change[] {
  const [from, to] = [before, after].map((run) =>
    (run.modes[mode]?.summary[metric.id]?.values ?? []).filter((value) => value !== null),
  ) as [number[], number[]]
  if (from.length === 0 || to.length === 0) return []
  const random = seededRandom(after.schedule.seed, `compare ${mode} ${metric.id}`)
  const interval = bootstrapInterval(
    [from, to],
    ([a, b]) => hodgesLehmann(a ?? [], b ?? []),
    random,
  )
  const baseValue = before.modes[mode]?.summary[metric.id]?.value ?? null
  const otherValue = after.modes[mode]?.summary[metric.id]?.value ?? null
  const unjudged = {
    metric: metric.id,
    unit: metric.unit,
    base: mode,
    other: mode,
    baseValue,
    otherValue,
    difference: hodgesLehmann(from, to),
    ratio:
      baseValue === null || otherValue === null || baseValue === 0 ? null : otherValue / baseValue,
    ciLow: interval?.low ?? null,
    ciHigh: interval?.high ?? null,
    p: permutationP(from, to, random),
    n: Math.min(from.length, to.length),
    noiseFloor: pairFloor(
      before.noise[metric.id]?.modes?.[mode],
      after.noise[metric.id]?.modes?.[mode],
    ),
  }
  const compared: Comparison = {
    ...unjudged,
    verdict: comparable ? judge(unjudged, metric) : 'inconclusive',
  }
  return [
    { mode, metric, compared, direction: directionOf(compared, metric, from, to, comparable) },
  ]
}

/** As within a run: a verdict, or with too few windows what all of them show. */
function directionOf(
  compared: Comparison,
  metric: Metric,
  from: readonly number[],
  to: readonly number[],
  comparable: boolean,
): Change['direction'] {
  const { verdict, difference, n } = compared
  if (!comparable || verdict === 'no-difference' || difference === null) return null
  if (verdict !== 'inconclusive') return verdict
  if (n < 2 || Math.abs(difference) <= leastDifference(compared, metric)) return null
  if (Math.max(...to) < Math.min(...from)) return 'less'
  return Math.min(...to) > Math.max(...from) ? 'more' : null
}
