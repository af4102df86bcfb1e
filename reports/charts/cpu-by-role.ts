import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { chartedRoles } from '../palette.ts'
import { median } from '../statistics/median.ts'
import { formatNumber, typographic } from '../wording/numbers.ts'
import { modesOf } from '../wording/run.ts'
import type { Chart } from './chart.ts'
import { type Part, roleBars, roleLegend } from './role-bars.ts'

/** Who pays how much CPU for a request, per mode: proxies, and what the applications spend beside. */
export function cpuByRole(result: Result): Chart | null {
  const shown = modesOf(result)
  const parts = shown.flatMap((mode) => partsOf(result, mode))
  if (parts.length === 0) return null
  const write = (value: number): string => formatNumber(value, 1, typographic)
  return {
    id: 'cpu-by-role',
    finding: finding(result, shown, write),
    subtitle: 'CPU time in ms per 1,000 answered requests, by role, median of the repeats',
    reading:
      'Each bar adds up what the processes of a mode spent on 1,000 requests. It is cumulative ' +
      'CPU time of all threads between the edges of a window, not a percentage read now and ' +
      'then. The load generator and the control plane are left out: they cost the same in ' +
      'every mode and are not part of a mesh.',
    legend: roleLegend(parts),
    panels: [
      {
        heading: '',
        spec: (widthPx) =>
          roleBars({ shown, parts, axisTitle: 'CPU ms per 1,000 requests' }, widthPx),
      },
    ],
    table: {
      columns: ['mode', ...chartedRoles.map((role) => `${role}, ms`)],
      rows: shown.map((mode) => [
        mode,
        ...chartedRoles.map((role) => {
          const part = parts.find((entry) => entry.mode === mode && entry.role === role)
          return part === undefined ? '' : write(part.value)
        }),
      ]),
    },
  }
}

function partsOf(result: Result, mode: Mode): Part[] {
  const windows = validWindows(result.modes[mode])
  return chartedRoles.flatMap((role) => {
    const value = median(windows.flatMap(({ cpu }) => cpu[role]?.usPerRequest ?? []))
    return value === null ? [] : [{ mode, role, value }]
  })
}

function finding(result: Result, shown: readonly Mode[], write: (value: number) => string): string {
  const costs = shown
    .filter((mode) => mode !== 'baseline')
    .flatMap((mode) => {
      const value = result.modes[mode]?.summary.proxyCpuMsPerThousand?.value
      return value === null || value === undefined ? [] : [`${write(value)} ms in ${mode}`]
    })
  if (costs.length === 0) return 'No mode of this run has proxies to pay for'
  return `1,000 requests cost the proxies ${costs.join(', ')}`
}
