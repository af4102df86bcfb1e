import { modes } from '../../harness/modes.ts'
import type { Chart, PanelSpec } from '../charts/chart.ts'
import { niceCeiling, spread } from '../charts/scale.ts'
import { drawing, modeColour, modeDash, modeShape, position } from '../charts/theme.ts'
import type { Metric } from '../metrics.ts'
import { fixed, formatNumber, typographic } from '../wording/numbers.ts'
import { type HistoryPoint, pointsOf, type Series } from './series.ts'

const heightPx = 200

/** One metric over the runs of a series: a point with its interval per run and mode. */
export function trendChart(series: Series, metric: Metric): Chart | null {
  const points = pointsOf(series, metric.id)
  if (points.every(({ value }) => value === 0)) return null
  const shown = modes.filter((mode) => points.some((point) => point.mode === mode))
  return {
    id: `${series.id}-${metric.id}`,
    finding: trendFinding(points, shown, metric),
    subtitle: `${metric.title}, ${metric.unit}: median of each run with its 95 % interval`,
    reading:
      'Each point is a run, oldest on the left; the line through it is the interval of its own windows. ' +
      'Runs differ by more than that from day to day: a step that stays is a change, a single peak is not.',
    legend: [],
    panels: [{ heading: '', spec: (widthPx) => panel(points, shown, series, metric, widthPx) }],
    table: {
      columns: ['run', ...shown.map((mode) => `${mode}, ${metric.unit}`)],
      rows: series.runs.map((run, index) => [
        run.runId,
        ...shown.map((mode) => {
          const found = points.find((point) => point.number === index + 1 && point.mode === mode)
          return found === undefined ? 'n/a' : formatNumber(found.value, metric.digits, typographic)
        }),
      ]),
    },
  }
}

/** Where the newest run lies among the others; no test, so no word that sounds like one. */
function trendFinding(
  points: readonly HistoryPoint[],
  shown: readonly HistoryPoint['mode'][],
  metric: Metric,
): string {
  const beyond = shown.flatMap((mode) => {
    const own = points.filter((point) => point.mode === mode)
    const last = own.at(-1)
    const earlier = own.slice(0, -1).map(({ value }) => value)
    if (last === undefined || earlier.length < 3) return []
    if (last.value > Math.max(...earlier)) return [`${mode} higher`]
    return last.value < Math.min(...earlier) ? [`${mode} lower`] : []
  })
  if (beyond.length === 0) return metric.title
  return `${metric.title}: the newest run is outside all earlier ones (${beyond.join(', ')})`
}

function panel(
  points: readonly HistoryPoint[],
  shown: readonly HistoryPoint['mode'][],
  { runs }: Series,
  metric: Metric,
  widthPx: number,
): PanelSpec {
  const top = niceCeiling(Math.max(...points.map(({ high }) => high)))
  const values = points.map(({ run, ...point }) => ({ ...point, run: run.runId }))
  const x = {
    ...position('number', {
      title: `run, ${runs[0]?.startedAt.slice(0, 10)} to ${runs.at(-1)?.startedAt.slice(0, 10)}`,
      domain: [0.5, runs.length + 0.5],
      ticks: Math.min(runs.length, 10),
      grid: false,
    }),
  }
  const whole = { ...x, axis: { ...x.axis, format: 'd', tickMinStep: 1 } }
  const y = position('value', { title: metric.unit, domain: [0, top], ticks: 4 })
  const color = modeColour(shown)
  const ends = shown.flatMap((mode) => {
    const last = values.filter((point) => point.mode === mode).at(-1)
    return last === undefined ? [] : [{ mode, number: runs.length, y: last.value }]
  })
  return drawing(widthPx, heightPx, { left: 64, right: 72, top: 10, bottom: 48 }, [
    {
      data: { values },
      mark: { type: 'line', strokeWidth: 1.5, opacity: 0.6 },
      encoding: { x: whole, y, color, strokeDash: modeDash(shown) },
    },
    {
      data: { values },
      mark: { type: 'rule', strokeWidth: 2, opacity: 0.5 },
      encoding: { x: whole, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
    },
    {
      data: { values },
      mark: { type: 'point', filled: true, size: 44, opacity: 1 },
      encoding: { x: whole, y, color, shape: modeShape(shown) },
    },
    {
      data: { values: spread(ends, (15 / heightPx) * top, top) },
      mark: { type: 'text', align: 'left', dx: 9, fontWeight: 600 },
      encoding: { x: whole, y: { ...y, field: 'y' }, text: { field: 'mode' }, color },
    },
  ])
}

export function countLine(series: Series): string {
  const { runs } = series
  const noun = runs.length === 1 ? 'run' : 'runs'
  return `${fixed(runs.length, 0)} ${noun}, ${runs[0]?.startedAt.slice(0, 10)} to ${runs.at(-1)?.startedAt.slice(0, 10)}`
}
