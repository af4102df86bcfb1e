import type { Measure } from './footprint.ts'
import { leastSamples } from './leaks.ts'
import type { SoakReport } from './soak.ts'

const bytes: readonly Measure[] = ['heapBytes', 'externalBytes', 'rssBytes']

export function layOut(report: SoakReport): string {
  const { changes, verdicts, leftOver, notices, rounds, durationMs, ok } = report
  const minutes = (durationMs / 60_000).toFixed(1)
  const answered = changes.reduce((sum, change) => sum + change.answered, 0)
  return [
    `${rounds} rounds in ${minutes} minutes, ${answered} requests answered`,
    '',
    table([
      ['CHANGE', 'TIMES', 'LONGEST', 'ANSWERED', 'FAILED'],
      ...changes.map(({ name, times, longestMs, answered, failed, causes, mayLose }) => [
        name,
        String(times),
        `${(longestMs / 1000).toFixed(1)} s`,
        String(answered),
        failed === 0 ? '0' : `${failed} ${JSON.stringify(causes)}${mayLose ? ' (allowed)' : ''}`,
      ]),
    ]),
    '',
    verdicts === undefined
      ? `too short for a trend: ${leastSamples} rounds show one`
      : table([
          ['HELD', 'FIRST', 'LAST', 'MAY GROW BY', ''],
          ...verdicts.map(({ measure, first, last, mostGrowth, leaks }) => [
            measure,
            show(measure, first),
            show(measure, last),
            show(measure, mostGrowth),
            leaks ? 'LEAKS' : '',
          ]),
        ]),
    '',
    leftOver.length === 0 ? 'nothing left after the end' : `LEFT OVER: ${leftOver.join(', ')}`,
    ...(notices.length === 0 ? [] : ['', 'notices:', ...notices]),
    '',
    ok ? 'verdict: pass' : 'verdict: FAIL',
  ].join('\n')
}

function show(measure: Measure, value: number): string {
  return bytes.includes(measure)
    ? `${(value / 1024 / 1024).toFixed(1)} MiB`
    : String(Math.round(value))
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
