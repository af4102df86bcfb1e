import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { type MetricId, metricOf } from '../metrics.ts'
import { comparisonOf, describe, estimateText } from '../wording/difference.ts'
import { fixed } from '../wording/numbers.ts'
import { failures, mainPair, modesOf } from '../wording/run.ts'
import type { Cell } from './layout.ts'

interface Row {
  readonly label: string
  readonly metric: MetricId
  /** Memory adds up differently by method; the second figure stays in the background. */
  readonly faint?: boolean
}

const rows: readonly Row[] = [
  { label: 'proxy CPU    cores', metric: 'proxyCpuCores' },
  { label: '  per 1k req ms', metric: 'proxyCpuMsPerThousand' },
  { label: 'app CPU      ms/1k req', metric: 'appCpuMsPerThousand' },
  { label: 'proxy PSS    MiB', metric: 'proxyPssMiB' },
  { label: '  and RSS    MiB', metric: 'proxyRssMiB', faint: true },
  { label: '  in         processes', metric: 'proxyProcesses', faint: true },
  { label: 'latency p50  ms', metric: 'latencyP50Ms' },
  { label: 'latency p90  ms', metric: 'latencyP90Ms' },
  { label: 'latency p99  ms', metric: 'latencyP99Ms' },
  { label: 'achieved     req/s', metric: 'achievedRate' },
]

export interface Table {
  readonly head: readonly Cell[]
  readonly body: readonly (readonly Cell[])[]
  /** Cells of the comparison, one list per body row, so that it can stand below on a narrow screen. */
  readonly compared: { readonly title: string; readonly cells: readonly (readonly Cell[])[] } | null
}

export function tableOf(result: Result, withSpread: boolean): Table {
  const shown = modesOf(result)
  const pair = mainPair(result)
  const body = rows.map((row) => [
    { text: row.label, ...(row.faint === true && { style: 'faint' as const }) },
    ...shown.map((mode) => valueCell(result, mode, row, withSpread)),
  ])
  const failed = [
    { text: 'failed       requests' },
    ...shown.map((mode): Cell => {
      const count = failures(result, mode).failed
      return { text: fixed(count, 0), ...(count > 0 && { style: 'worse' as const }) }
    }),
  ]
  return {
    head: [{ text: '' }, ...shown.map((mode) => ({ text: mode, style: 'strong' as const }))],
    body: [...body, failed],
    compared: pair && {
      title: `${pair[1]} vs ${pair[0]}`,
      cells: [...rows.map((row) => comparedCells(result, pair, row)), []],
    },
  }
}

function valueCell(result: Result, mode: Mode, row: Row, withSpread: boolean): Cell {
  const { value, spread } = estimateText(
    metricOf(row.metric),
    result.modes[mode]?.summary[row.metric],
  )
  const text = withSpread && spread !== '' ? `${value} ${spread}` : value
  return { text, ...(row.faint === true && { style: 'faint' as const }) }
}

function comparedCells(result: Result, [base, other]: readonly [Mode, Mode], row: Row): Cell[] {
  const found = comparisonOf(result, base, other, row.metric)
  if (found === undefined || row.faint === true) return []
  const { amount, interval, word, tone, direction } = describe(result, found)
  const style = tone === 'neutral' ? 'faint' : tone
  return [
    { text: amount, ...(direction !== null && { style }) },
    { text: direction === null ? '' : interval, style: 'faint' },
    { text: word, style },
  ]
}
