import type { Mode } from '../../harness/modes.ts'
import type { Result, Window } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { type Metric, type MetricId, metricOf } from '../metrics.ts'
import { median } from '../statistics/median.ts'
import { fixed, formatNumber, typographic } from '../wording/numbers.ts'
import { modesOf } from '../wording/run.ts'
import type { Chart, PanelSpec } from './chart.ts'
import { niceCeiling, spread } from './scale.ts'
import { drawing, modeColour, modeDash, modeShape, position } from './theme.ts'

const heightPx = 200

interface Dot {
  readonly mode: Mode
  readonly round: number
  readonly minutes: number
  readonly value: number
}

/** Every window where it stood in the run: drift, a disturbed minute, a mode that warms up slowly. */
export function windowsOverTime(result: Result): Chart | null {
  const tail = (['latencyP99Ms', 'latencyP90Ms', 'latencyP50Ms'] as const).find((id) =>
    modesOf(result).some((mode) => (result.modes[mode]?.summary[id]?.n ?? 0) > 0),
  )
  if (tail === undefined) return null
  const drawn: readonly MetricId[] = [tail, 'proxyCpuCores']
  const dots = new Map(drawn.map((id) => [id, dotsOf(result, metricOf(id))]))
  const tailDots = dots.get(tail) ?? []
  return {
    id: 'windows-over-time',
    finding: steadiness(result, metricOf(tail), tailDots),
    subtitle: 'Each measured window at the minute it started, in the order they were run',
    reading:
      'Modes take turns in random order, so whatever happens to the machine happens to all of ' +
      'them. A line that climbs or falls through the whole run means drift; a single dot far ' +
      'from its line is a disturbed window. None is removed for its value.',
    legend: [],
    panels: drawn.map((id) => {
      const metric = metricOf(id)
      return {
        heading: `${metric.title}, ${metric.unit}`,
        spec: (widthPx) => panel(modesOf(result), dots.get(id) ?? [], metric, widthPx),
      }
    }),
    table: {
      columns: ['minute', 'round', 'mode', ...drawn.map((id) => columnOf(metricOf(id)))],
      rows: tailDots
        .toSorted((a, b) => a.minutes - b.minutes)
        .map(({ mode, round, minutes }) => [
          fixed(minutes, 1, typographic),
          String(round),
          mode,
          ...drawn.map((id) => {
            const dot = dots.get(id)?.find((entry) => entry.mode === mode && entry.round === round)
            return dot ? formatNumber(dot.value, metricOf(id).digits, typographic) : 'n/a'
          }),
        ]),
    },
  }
}

function columnOf({ title, unit }: Metric): string {
  return `${title}, ${unit}`
}

function dotsOf(result: Result, metric: Metric): Dot[] {
  return modesOf(result).flatMap((mode) =>
    validWindows(result.modes[mode]).flatMap((window) => {
      const value = metric.read(window, mode)
      return value === null
        ? []
        : [{ mode, round: window.round, minutes: minutesInto(result, window), value }]
    }),
  )
}

function minutesInto({ startedAt }: Result, window: Window): number {
  return (Date.parse(window.startedAt) - Date.parse(startedAt)) / 60_000
}

function steadiness(result: Result, metric: Metric, dots: readonly Dot[]): string {
  const furthest = modesOf(result).flatMap((mode) => {
    const values = dots.filter((dot) => dot.mode === mode).map(({ value }) => value)
    const middle = median(values)
    if (middle === null || middle === 0 || values.length < 2) return []
    const ratios = values.map((value) => value / middle)
    return ratios.map((ratio) => ({ mode, ratio, share: Math.abs(ratio - 1) }))
  })
  const worst = furthest.sort((a, b) => b.share - a.share)[0]
  const name = metric.title.replace('Latency ', '')
  if (worst === undefined) return `${name} of every window in the order they ran`
  if (worst.share > 0.25) {
    return `The machine was not steady: a window of ${worst.mode} had ${fixed(worst.ratio, 1, typographic)} times the median ${name} of its mode`
  }
  return `No window's ${name} strayed more than ${fixed(100 * worst.share, 0)} % from the median of its mode`
}

function panel(
  shown: readonly Mode[],
  dots: readonly Dot[],
  metric: Metric,
  widthPx: number,
): PanelSpec {
  const top = niceCeiling(Math.max(...dots.map(({ value }) => value), 0))
  const end = Math.max(...dots.map(({ minutes }) => minutes), 0.1)
  const ends = shown.flatMap((mode) => {
    const last = dots.filter((dot) => dot.mode === mode).at(-1)
    return last === undefined ? [] : [{ mode, minutes: end, y: last.value }]
  })
  const x = position('minutes', {
    title: 'minutes since the start',
    domain: [0, end],
    grid: false,
  })
  const y = position('value', {
    title: `${metric.title.toLowerCase().replace('cpu', 'CPU')}, ${metric.unit}`,
    domain: [0, top],
    ticks: 4,
  })
  const color = modeColour(shown)
  return drawing(widthPx, heightPx, { left: 64, right: 72, top: 10, bottom: 48 }, [
    {
      data: { values: dots.slice() },
      mark: { type: 'line', strokeWidth: 1.5, opacity: 0.6 },
      encoding: { x, y, color, strokeDash: modeDash(shown) },
    },
    {
      data: { values: dots.slice() },
      mark: { type: 'point', filled: true, size: 44, opacity: 1 },
      encoding: {
        x,
        y,
        color,
        shape: modeShape(shown),
        tooltip: [
          { field: 'mode' },
          { field: 'round' },
          { field: 'value', title: `${metric.title}, ${metric.unit}`, format: '.3~r' },
        ],
      },
    },
    {
      data: { values: spread(ends, (15 / heightPx) * top, top) },
      mark: { type: 'text', align: 'left', dx: 9, fontWeight: 600 },
      encoding: { x, y: { ...y, field: 'y' }, text: { field: 'mode' }, color },
    },
  ])
}
