import type { RoleCost, Sweep } from '../../harness/result/sweep.ts'

/** CPU per 1,000 requests by point and mode, then what was fitted through it. */
export function sweepSummary(sweep: Sweep, path: string): string {
  return [
    'proxy CPU, ms per 1,000 requests',
    ...layOut(chartRows(sweep)),
    '',
    'fitted cost per role',
    ...layOut([
      [
        '',
        'idle mCPU',
        'µCPU/connection',
        'µs/request',
        'µs/KiB',
        'PSS MiB',
        'fit error',
        'windows',
      ],
      ...sweep.model.map(modelRow),
    ]),
    '  µs/request is all processes of a role on the path together; "-" was not varied and is inside it',
    '',
    ...(sweep.status === 'interrupted' ? ['interrupted: not all points were measured'] : []),
    `sweep   ${path}`,
    `next    meshbench estimate --pods 200 --nodes 20 --rps 5000 --from ${path}`,
  ].join('\n')
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
        return number(found?.cpuMsPer1kRequests ?? null)
      }),
    ]),
  ]
}

function modelRow(cost: RoleCost): string[] {
  return [
    cost.role,
    number(scale(cost.idleCores, 1e3)),
    number(scale(cost.coresPerConnection, 1e6)),
    number(cost.usPerRequest),
    number(cost.usPerKib),
    number(scale(cost.pssBytesPerProcess, 1 / 1024 ** 2)),
    cost.fitError === null ? '-' : `${Math.round(cost.fitError * 100)} %`,
    String(cost.windows),
  ]
}

const scale = (value: number | null, by: number): number | null =>
  value === null ? null : value * by

const number = (value: number | null): string =>
  value === null ? '-' : value >= 100 ? value.toFixed(0) : value.toFixed(2)

function layOut(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  return rows.map((row) =>
    `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')}`.trimEnd(),
  )
}
