import type { Rehearsal } from '../../../migration/result/rehearsal.ts'
import { rehearsalVerdict } from '../../../reports/rehearsal/wording.ts'
import type { Paint } from '../../../reports/terminal/paint.ts'

const columns = ['step', 'took', 'requests', 'failed', 'gap', 'p99 before', 'after', 'restarted']

/** Verdict first, then a line for each step. */
export function rehearsalLines(record: Rehearsal, paint: Paint): readonly string[] {
  const tone = record.verdict === 'clean' ? 'better' : 'worse'
  const rows = record.steps.map((step) => [
    `${step.id}${step.direction === 'rollback' ? ' back' : ''}`,
    milliseconds(step.durationMs),
    String(step.requests),
    String(step.failedRequests),
    milliseconds(step.longestGapMs),
    microseconds(step.latencyUs.before.p99 ?? step.latencyUs.before.max),
    microseconds(step.latencyUs.after.p99 ?? step.latencyUs.after.max),
    String(step.podsRestarted),
  ])
  const table = [columns, ...rows]
  const widths = columns.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)))
  const lines = table.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  )
  return [
    paint(tone, rehearsalVerdict(record)),
    ...record.reasons.map((reason) => `  ${reason}`),
    ...record.execution.steps
      .filter(({ outcome }) => outcome === 'skipped')
      .map(({ id, reason }) => `  ${id} was left for later: ${reason}`),
    '',
    ...lines.map((line, at) => (at === 0 ? paint('faint', line) : line)),
    '',
  ]
}

const milliseconds = (ms: number): string =>
  ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`
const microseconds = (us: number | null): string =>
  us === null ? 'n/a' : `${Number((us / 1000).toPrecision(3))} ms`
