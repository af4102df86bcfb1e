import type { Sweep } from '../../harness/result/sweep.ts'
import { measuredCoefficients } from '../../reports/cost-model/coefficients.ts'
import { figureText, modelHeads, modelRows } from '../../reports/sweep/model-table.ts'

/** CPU per 1,000 requests by point and mode, then what was fitted through it. */
export function sweepSummary(sweep: Sweep, files: readonly string[]): string {
  const page = files.find((file) => file.endsWith('sweep.html'))
  return [
    'proxy CPU, ms per 1,000 requests',
    ...layOut(chartRows(sweep)),
    '',
    ...fittedCosts(sweep),
    '',
    ...(sweep.status === 'interrupted' ? ['interrupted: not all points were measured'] : []),
    ...(sweep.findings ?? []),
    '',
    ...(page === undefined ? [] : [`report  ${page}`]),
    `sweep   ${files[0]}`,
    ...(canBeEstimatedFrom(sweep)
      ? [`next    meshbench estimate --pods 200 --nodes 20 --rps 5000 --from ${files[0]}`]
      : []),
  ].join('\n')
}

function fittedCosts(sweep: Sweep): string[] {
  if (sweep.model.length === 0) return ['no costs fitted: too few valid windows']
  return [
    'fitted cost per role',
    ...layOut([[...modelHeads], ...modelRows(sweep)]),
    '  µs/request is all processes of a role on the path together; "-" was not varied and is inside it',
  ]
}

/** A command that is offered has to work. */
function canBeEstimatedFrom({ model }: Sweep): boolean {
  return !('missing' in measuredCoefficients(model, 0, ''))
}

function chartRows({ chart, points }: Sweep): string[][] {
  const modes = [...new Set(chart.map(({ mode }) => mode))].filter((mode) => mode !== 'baseline')
  return [
    ['', ...modes],
    ...points.map(({ axis, value, verdict }) => [
      `${axis} ${value}${verdict === 'invalid' ? ' (invalid)' : ''}`,
      ...modes.map((mode) => {
        const found = chart.find(
          (point) => point.mode === mode && point.axis === axis && point.value === value,
        )
        return figureText(found?.cpuMsPer1kRequests ?? null)
      }),
    ]),
  ]
}

function layOut(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  return rows.map((row) =>
    `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')}`.trimEnd(),
  )
}
