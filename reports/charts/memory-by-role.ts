import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { chartedRoles } from '../palette.ts'
import { median } from '../statistics/median.ts'
import { formatNumber, plural, typographic } from '../wording/numbers.ts'
import { modesOf } from '../wording/run.ts'
import type { Chart } from './chart.ts'
import { type Outline, type Part, roleBars, roleLegend } from './role-bars.ts'

const bytesPerMiB = 2 ** 20

/** PSS is what can be added up; summed RSS stands around it as an outline, to show the difference. */
export function memoryByRole(result: Result): Chart | null {
  const shown = modesOf(result)
  const pss = shown.flatMap((mode) => partsOf(result, mode, 'pssBytes'))
  const rss = shown.flatMap((mode) => partsOf(result, mode, 'rssBytes'))
  const parts = pss.length === 0 ? rss : pss
  if (parts.length === 0) return null
  const outlines = pss.length === 0 ? [] : shown.map((mode) => totalOf(rss, mode))
  const write = (value: number): string => formatNumber(value, 1, typographic)
  return {
    id: 'memory-by-role',
    finding: finding(result, shown, write),
    subtitle:
      pss.length === 0
        ? 'Memory in MiB by role: summed RSS, because this platform tells no PSS'
        : 'Memory in MiB by role: PSS, with summed RSS as the dashed outline',
    reading:
      'PSS divides every shared page by the number of its sharers, so it adds up to what the ' +
      'processes really occupy. RSS counts the shared pages of the node binary once per process: ' +
      'the more proxies, the more it overstates.',
    legend: [
      ...roleLegend(parts),
      ...(outlines.length === 0
        ? []
        : [{ label: 'summed RSS', colour: 'var(--muted)', outline: true }]),
    ],
    panels: [
      {
        heading: '',
        spec: (widthPx) => roleBars({ shown, parts, outlines, axisTitle: 'MiB' }, widthPx),
      },
    ],
    table: {
      columns: ['mode', ...chartedRoles.map((role) => `${role} PSS, MiB`), 'summed RSS, MiB'],
      rows: shown.map((mode) => [
        mode,
        ...chartedRoles.map((role) => {
          const part = pss.find((entry) => entry.mode === mode && entry.role === role)
          return part === undefined ? '' : write(part.value)
        }),
        write(totalOf(rss, mode).value),
      ]),
    },
  }
}

function partsOf(result: Result, mode: Mode, kind: 'pssBytes' | 'rssBytes'): Part[] {
  const windows = validWindows(result.modes[mode])
  return chartedRoles.flatMap((role) => {
    const bytes = median(windows.flatMap(({ memory }) => memory[role]?.[kind] ?? []))
    return bytes === null ? [] : [{ mode, role, value: bytes / bytesPerMiB }]
  })
}

function totalOf(parts: readonly Part[], mode: Mode): Outline {
  const own = parts.filter((part) => part.mode === mode)
  return { mode, value: own.reduce((sum, { value }) => sum + value, 0) }
}

function finding(result: Result, shown: readonly Mode[], write: (value: number) => string): string {
  const held = shown
    .filter((mode) => mode !== 'baseline')
    .flatMap((mode) => {
      const { proxyPssMiB, proxyProcesses } = result.modes[mode]?.summary ?? {}
      if (proxyPssMiB === undefined || proxyPssMiB.value === null) return []
      const count = proxyProcesses?.value ?? null
      const processes = count === null ? '' : ` (${plural(count, 'process', 'processes')})`
      return [`${write(proxyPssMiB.value)} MiB in ${mode}${processes}`]
    })
  return held.length === 0 ? 'Memory by role' : `Proxies hold ${held.join(', ')}`
}
