import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { leastWindowsForVerdict } from '../judge.ts'
import { type Metric, type MetricId, metricOf } from '../metrics.ts'
import { comparisonOf, describe, estimateText } from '../wording/difference.ts'
import { formatNumber, plural, typographic } from '../wording/numbers.ts'
import { modesOf } from '../wording/run.ts'
import type { Chart, PanelSpec } from './chart.ts'
import { needsLog, niceCeiling } from './scale.ts'
import { drawing, modeColour, modeMargin, modeRows, modeShape, position } from './theme.ts'

/** Median, interval and every single repeat, so that the noise is there to be seen. */
export function latencyByMode(result: Result): Chart | null {
  const shown = modesOf(result)
  const drawn = (['latencyP50Ms', 'latencyP99Ms'] as const).filter((id) =>
    shown.some((mode) => (result.modes[mode]?.summary[id]?.n ?? 0) > 0),
  )
  if (drawn.length === 0) return null
  return {
    id: 'latency-by-mode',
    finding: addedLatency(result, shown, drawn.at(-1) ?? 'latencyP50Ms'),
    subtitle: 'Latency in ms: median of the repeats, its 95 % interval, and each repeat as a dot',
    reading:
      'The large marker is the median of the repeats, the bar its 95 % interval, and each small ' +
      'dot below it is one measured window. Where two bars overlap widely, look at the table ' +
      'before believing a difference.',
    legend: [],
    panels: drawn.map((id) => {
      const metric = metricOf(id)
      return { heading: metric.title, spec: (widthPx) => panel(result, shown, metric, widthPx) }
    }),
    table: {
      columns: ['mode', ...drawn.flatMap((id) => columnsOf(metricOf(id)))],
      rows: shown.map((mode) => [
        mode,
        ...drawn.flatMap((id) => cellsOf(result, mode, metricOf(id))),
      ]),
    },
  }
}

function columnsOf({ title, unit }: Metric): string[] {
  return [`${title}, ${unit}`, '95 % interval', 'repeats']
}

function cellsOf(result: Result, mode: Mode, metric: Metric): string[] {
  const estimate = result.modes[mode]?.summary[metric.id]
  const write = (value: number): string => formatNumber(value, metric.digits, typographic)
  const { ciLow = null, ciHigh = null, values = [] } = estimate ?? {}
  return [
    estimateText(metric, estimate, typographic).value,
    ciLow === null || ciHigh === null ? 'n/a' : `${write(ciLow)} to ${write(ciHigh)}`,
    values.map((value) => (value === null ? 'n/a' : write(value))).join(' \u00b7 '),
  ]
}

function addedLatency(result: Result, shown: readonly Mode[], id: MetricId): string {
  const { title } = metricOf(id)
  const base = shown[0] ?? 'baseline'
  const said = shown.slice(1).flatMap((mode) => {
    const found = comparisonOf(result, base, mode, id)
    return found === undefined
      ? []
      : [{ mode, n: found.n, ...describe(result, found, typographic) }]
  })
  const unsure = said.filter(({ direction }) => direction === null).map(({ mode }) => mode)
  const parts = [
    ...said.filter(({ direction }) => direction !== null).map((s) => `${s.amount} in ${s.mode}`),
    ...(unsure.length === 0 ? [] : [`no difference could be told for ${unsure.join(', ')}`]),
  ]
  const [least] = said
    .filter(({ direction }) => direction !== null)
    .map(({ n }) => n)
    .sort((a, b) => a - b)
  const indicated =
    least !== undefined && least < leastWindowsForVerdict
      ? `, as ${plural(least, 'repeat')} ${least === 1 ? 'indicates' : 'indicate'}`
      : ''
  return parts.length === 0 ? title : `${title} against ${base}${indicated}: ${parts.join(', ')}`
}

function panel(result: Result, shown: readonly Mode[], metric: Metric, widthPx: number): PanelSpec {
  const estimates = shown.flatMap((mode) => {
    const found = result.modes[mode]?.summary[metric.id]
    if (found === undefined || found.value === null) return []
    const { value, ciLow, ciHigh } = found
    const text = estimateText(metric, found, typographic).value
    return [{ mode, value, low: ciLow ?? value, high: ciHigh ?? value, text }]
  })
  const repeats = shown.flatMap((mode) =>
    (result.modes[mode]?.summary[metric.id]?.values ?? []).flatMap((value, index) =>
      value === null ? [] : [{ mode, value, window: index + 1 }],
    ),
  )
  const furthest = Math.max(
    ...estimates.map(({ high }) => high),
    ...repeats.map(({ value }) => value),
  )
  const nearest = Math.min(...repeats.map(({ value }) => value))
  const isLog = needsLog(nearest, furthest)
  const x = position('value', {
    title: `${metric.title.toLowerCase()}, ${metric.unit}`,
    // Room for the figure behind the furthest interval.
    domain: isLog ? [nearest / 1.5, furthest * 3] : [0, niceCeiling(furthest * 1.16)],
    log: isLog,
  })
  const y = modeRows(shown)
  const color = modeColour(shown)
  return drawing(widthPx, shown.length * 46, modeMargin, [
    {
      data: { values: estimates },
      mark: { type: 'rule', strokeWidth: 3, opacity: 0.55, yOffset: -5 },
      encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y, color },
    },
    {
      data: { values: repeats },
      mark: { type: 'point', filled: true, size: 20, opacity: 0.75, yOffset: 9 },
      encoding: {
        x,
        y,
        color,
        tooltip: [{ field: 'mode' }, { field: 'window' }, { field: 'value', format: '.3~r' }],
      },
    },
    {
      data: { values: estimates },
      mark: { type: 'point', filled: true, size: 80, opacity: 1, yOffset: -5 },
      encoding: {
        x,
        y,
        color,
        shape: modeShape(shown),
        tooltip: [
          { field: 'mode' },
          { field: 'value', title: metric.title, format: '.3~r' },
          { field: 'low', title: 'interval from', format: '.3~r' },
          { field: 'high', title: 'to', format: '.3~r' },
        ],
      },
    },
    {
      data: { values: estimates },
      mark: { type: 'text', align: 'left', dx: 9, dy: -5, fontWeight: 600 },
      encoding: { x: { ...x, field: 'high' }, y, text: { field: 'text' } },
    },
  ])
}
