import type { GateOutcome, GateReport } from '../../harness/result/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { dependsOnOtherModes, type Metric } from '../metrics.ts'
import { plural } from '../wording/numbers.ts'
import { type Baseline, differences, notComparable, softwareOf } from './baseline.ts'
import { type Limit, parseLimit } from './limit.ts'
import { type Measured, measure, type Samples, samplesOf, type Unmeasured } from './measure.ts'
import { gateMetric } from './metric.ts'
import type { GateRule, GatesFile } from './rules.ts'
import { expectedText, foundText, ruleName } from './wording.ts'

export interface CheckOptions {
  /** As typed, for the record. */
  readonly file: string
  /** Line of each rule in the file. */
  readonly lines?: readonly number[]
  readonly baseline?: { readonly path: string; readonly saved: Baseline | null }
}

/**
 * Holds an analysed result against its rules. A rule fails only when the estimate *and* the end of
 * its interval lie past the limit; past by the estimate alone is a warning. What could not be judged
 * is `inconclusive` and never a pass.
 */
export function checkGates(result: Result, gates: GatesFile, options: CheckOptions): GateReport {
  const saved = withoutRun(options.baseline?.saved ?? null, result)
  const barred = saved === null ? [] : notComparable(result, saved)
  const outcomes = gates.rules.map((rule, index): GateOutcome => {
    const line = options.lines?.[index]
    const outcome = checkRule(result, rule, saved, barred)
    return { ...outcome, ...(line !== undefined && { line }) }
  })
  return {
    file: options.file,
    baseline: options.baseline?.path ?? null,
    verdict: verdictOf(outcomes, result),
    notes: notesOf(result, gates, saved),
    outcomes,
  }
}

/** A run in the baseline must not be its own witness. */
function withoutRun(saved: Baseline | null, { runId }: Result): Baseline | null {
  const runs = (saved?.runs ?? []).filter((run) => run.runId !== runId)
  return saved === null || runs.length === 0 ? null : { ...saved, runs }
}

/** Only rules of level error count, but a run that is not valid never passes. */
export function verdictOf(outcomes: readonly GateOutcome[], result: Result): GateReport['verdict'] {
  const counted = outcomes.filter(({ level }) => level === 'error')
  if (counted.some(({ verdict }) => verdict === 'fail')) return 'fail'
  if (!isValid(result)) return 'inconclusive'
  const open = counted.filter(({ verdict }) => verdict === 'inconclusive')
  // It may be allowed to be missing; nothing else that is open may.
  if (open.some(({ reason }) => reason !== 'baseline-missing')) return 'inconclusive'
  if (open.length > 0) return 'baseline-missing'
  return outcomes.some(({ verdict }) => verdict === 'warn') ? 'warn' : 'pass'
}

function isValid({ status, validity }: Result): boolean {
  return status === 'complete' && validity.verdict === 'valid'
}

type Judged = Pick<GateOutcome, 'verdict' | 'reason' | 'explanation' | 'limit'>

function checkRule(
  result: Result,
  rule: GateRule,
  saved: Baseline | null,
  barred: readonly string[],
): GateOutcome {
  const metric = gateMetric(rule.metric)
  const limit = limitOf(rule, metric)
  const samples = samplesOf(result, rule, metric, saved)
  const found = look(result, rule, metric, samples, saved, barred)
  const measured = 'reason' in found ? null : found
  const judged: Judged =
    'reason' in found
      ? { ...found, verdict: found.reason === 'switched-off' ? 'off' : 'inconclusive', limit: null }
      : judge(rule, metric, limit, found)
  return {
    name: ruleName(rule, metric),
    level: rule.level,
    metric: metric.id,
    unit: metric.unit,
    mode: rule.mode,
    against: rule.against ?? null,
    expected: expectedText(rule, metric, judged.limit, measured),
    found: foundText(rule, metric, measured),
    ...judged,
    value: measured?.value ?? null,
    ciLow: measured?.ciLow ?? null,
    ciHigh: measured?.ciHigh ?? null,
    values: [...samples.values],
    baseValues: samples.baseValues.map((values) => [...values]),
  }
}

function look(
  result: Result,
  rule: GateRule,
  metric: Metric,
  samples: Samples,
  saved: Baseline | null,
  barred: readonly string[],
): Measured | Unmeasured {
  if (rule.level === 'off') return { reason: 'switched-off', explanation: 'switched off' }
  if (!isValid(result)) {
    const state = result.status === 'complete' ? result.validity.verdict : result.status
    return { reason: 'run-not-valid', explanation: `the run is ${state}` }
  }
  if (rule.against === 'saved') {
    if (saved === null) return { reason: 'baseline-missing', explanation: 'no other run is saved' }
    if (barred.length > 0) {
      return { reason: 'baseline-not-comparable', explanation: barred.join('; ') }
    }
    const beside = dependsOnOtherModes(metric.id) ? otherModes(result, saved) : undefined
    if (beside !== undefined) return { reason: 'baseline-not-comparable', explanation: beside }
  }
  return measure(result, rule, metric, samples)
}

function otherModes(result: Result, { runs }: Baseline): string | undefined {
  const namesOf = (measured: object): string => Object.keys(measured).sort().join(', ')
  const here = namesOf(result.modes)
  const other = runs.map(({ values }) => namesOf(values)).find((names) => names !== here)
  return other === undefined
    ? undefined
    : `memory depends on the modes that take turns: ${here} here, ${other} in the baseline`
}

function limitOf(rule: GateRule, metric: Metric): Limit {
  const parsed = parseLimit(rule.max ?? rule.min ?? '', metric, rule.against !== undefined)
  // The file was checked when it was read.
  if ('complaint' in parsed) throw new TypeError(parsed.complaint)
  return parsed
}

function judge(rule: GateRule, metric: Metric, limit: Limit, found: Measured): Judged {
  const allowed = inUnit(rule, metric, limit, found)
  if (allowed === null) {
    const explanation = `${rule.against} is 0: write the limit in ${metric.unit}, not in per cent`
    return { verdict: 'inconclusive', reason: 'base-is-zero', explanation, limit: null }
  }
  const isMax = rule.max !== undefined
  const passed = isMax ? found.value > allowed : found.value < allowed
  const sure = isMax ? found.ciLow > allowed : found.ciHigh < allowed
  if (!passed) {
    return { verdict: 'pass', reason: 'within-limit', explanation: '', limit: allowed }
  }
  if (!sure) {
    return {
      verdict: 'warn',
      reason: 'limit-passed-but-unsure',
      explanation: 'past the limit, but its interval is not: more rounds would tell',
      limit: allowed,
    }
  }
  return {
    verdict: rule.level === 'warn' ? 'warn' : 'fail',
    reason: 'limit-passed',
    explanation:
      rule.use === 'worst'
        ? 'a window is past the limit'
        : 'past the limit with its whole interval',
    limit: allowed,
  }
}

/** Beside a percentage that allows a change stands a floor: a tenth of very little is noise. */
function inUnit(rule: GateRule, metric: Metric, limit: Limit, found: Measured): number | null {
  if (!limit.percent) return limit.amount
  if (found.base === null || found.base === 0) return null
  const share = (limit.amount / 100) * Math.abs(found.base)
  const floor = rule.floor ?? Math.max(metric.minimumEffect.absolute, found.noise)
  if (rule.max !== undefined) return limit.amount < 0 ? share : Math.max(share, floor)
  return limit.amount > 0 ? share : Math.min(share, -floor)
}

function notesOf(result: Result, gates: GatesFile, saved: Baseline | null): string[] {
  const used = gates.rules.some(({ against, level }) => against === 'saved' && level !== 'off')
  if (!used || saved === null) return []
  const last = saved.runs.at(-1)
  const changed = last === undefined ? [] : differences(softwareOf(result), last.software)
  return [
    ...(saved.runs.length < 3
      ? [
          `the baseline has ${plural(saved.runs.length, 'run')}: how runs differ from one another is hardly known, save at least 3`,
        ]
      : []),
    ...(changed.length === 0 ? [] : [`not the same as in the baseline: ${changed.join('; ')}`]),
  ]
}
