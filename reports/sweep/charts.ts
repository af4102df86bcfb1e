import { type Mode, modes } from '../../harness/modes.ts'
import type { Sweep, SweepAxis } from '../../harness/result/sweep.ts'
import type { Chart, PanelSpec } from '../charts/chart.ts'
import { niceCeiling, spread } from '../charts/scale.ts'
import { drawing, modeColour, modeDash, modeShape, position } from '../charts/theme.ts'
import { formatNumber, typographic } from '../wording/numbers.ts'

const heightPx = 220
/** Values this far apart are told apart on a logarithmic axis only. */
const logFrom = 10

interface Figure {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly digits: number
  readonly axes: readonly SweepAxis[] | 'all'
  readonly read: (point: Sweep['chart'][number]) => number | null | undefined
  readonly hasInterval: boolean
}

const figures: readonly Figure[] = [
  {
    id: 'cpu',
    title: 'Proxy CPU',
    unit: 'ms per 1,000 requests',
    digits: 1,
    axes: 'all',
    read: ({ cpuMsPer1kRequests }) => cpuMsPer1kRequests,
    hasInterval: true,
  },
  {
    id: 'memory',
    title: 'Proxy memory (PSS)',
    unit: 'MiB',
    digits: 1,
    axes: ['replicas', 'workloads-per-node', 'connections'],
    read: ({ proxyPssMiB }) => proxyPssMiB,
    hasInterval: false,
  },
  {
    id: 'latency-p99',
    title: 'Latency p99',
    unit: 'ms',
    digits: 2,
    axes: 'all',
    read: ({ latencyP99Ms }) => latencyP99Ms,
    hasInterval: false,
  },
]

interface Dot {
  readonly mode: Mode
  readonly at: number
  readonly value: number
  readonly low: number
  readonly high: number
}

/** A chart per axis and figure: what each mode costs as that one option grows. */
export function sweepCharts(sweep: Sweep): Chart[] {
  const axes = [...new Set(sweep.points.map(({ axis }) => axis))]
  return axes.flatMap((axis) =>
    figures
      .filter(({ axes: wanted }) => wanted === 'all' || wanted.includes(axis))
      .flatMap((figure) => chartOf(sweep, axis, figure) ?? []),
  )
}

function chartOf(sweep: Sweep, axis: SweepAxis, figure: Figure): Chart | null {
  const dots = sweep.chart.flatMap((point): Dot[] => {
    const value = point.axis === axis ? (figure.read(point) ?? null) : null
    if (value === null) return []
    const [low, high] = figure.hasInterval ? [point.low, point.high] : [null, null]
    return [{ mode: point.mode, at: point.value, value, low: low ?? value, high: high ?? value }]
  })
  const shown = modes.filter((mode) => dots.some((dot) => dot.mode === mode && dot.value > 0))
  const drawn = dots.filter(({ mode }) => shown.includes(mode))
  const values = [...new Set(drawn.map(({ at }) => at))].sort((a, b) => a - b)
  if (values.length < 2) return null
  const write = (value: number): string => formatNumber(value, figure.digits, typographic)
  return {
    id: `${axis}-${figure.id}`,
    finding: `${figure.title} by ${axis}: ${rangeOf(drawn, shown, values, write)}`,
    subtitle: `${figure.title}, ${figure.unit}, by ${axis}`,
    reading:
      `Each point is the median of the windows at one ${axis}${figure.hasInterval ? ', the line through it its 95 % interval' : ''}. ` +
      'All points were measured in turn, round by round, so a disturbance meets all of them alike. ' +
      'Where two lines cross, the other mode begins to be cheaper.',
    legend: [],
    panels: [
      { heading: '', spec: (widthPx) => panel(drawn, shown, values, axis, figure, widthPx) },
    ],
    table: {
      columns: [axis, ...shown.map((mode) => `${mode}, ${figure.unit}`)],
      rows: values.map((at) => [
        formatNumber(at, 0, typographic),
        ...shown.map((mode) => {
          const found = drawn.find((dot) => dot.mode === mode && dot.at === at)
          return found === undefined ? 'n/a' : write(found.value)
        }),
      ]),
    },
  }
}

/** `sidecar 700 to 500, ambient 300 to 220`: from the least to the largest value of the axis. */
function rangeOf(
  dots: readonly Dot[],
  shown: readonly Mode[],
  values: readonly number[],
  write: (value: number) => string,
): string {
  return shown
    .map((mode) => {
      const ends = [values[0], values.at(-1)].map((at) =>
        dots.find((dot) => dot.mode === mode && dot.at === at),
      )
      const texts = ends.map((end) => (end === undefined ? 'n/a' : write(end.value)))
      return `${mode} ${[...new Set(texts)].join(' to ')}`
    })
    .join(', ')
}

function panel(
  dots: readonly Dot[],
  shown: readonly Mode[],
  at: readonly number[],
  axis: SweepAxis,
  { unit }: Figure,
  widthPx: number,
): PanelSpec {
  const [least = 1, most = 1] = [at[0], at.at(-1)]
  const log = least > 0 && most / least >= logFrom
  const margin = log ? 1.12 : 0
  const domain: [number, number] = log
    ? [least / margin, most * margin]
    : [least - (most - least) * 0.05, most + (most - least) * 0.05]
  const top = niceCeiling(Math.max(...dots.map(({ high }) => high)))
  const flat = position('at', { title: axis, domain, grid: false })
  const x = {
    ...flat,
    scale: { ...flat.scale, type: log ? ('log' as const) : ('linear' as const) },
    axis: {
      ...flat.axis,
      title: log ? `${axis} (log scale)` : axis,
      values: [...at],
      format: ',d',
    },
  }
  const y = position('value', { title: unit, domain: [0, top], ticks: 4 })
  const color = modeColour(shown)
  const ends = shown.flatMap((mode) => {
    const last = dots.findLast((dot) => dot.mode === mode && dot.at === most)
    return last === undefined ? [] : [{ mode, at: most, y: last.value }]
  })
  const values = dots.map((dot) => ({ ...dot }))
  return drawing(widthPx, heightPx, { left: 64, right: 76, top: 10, bottom: 48 }, [
    {
      data: { values },
      mark: { type: 'line', strokeWidth: 2 },
      encoding: { x, y, color, strokeDash: modeDash(shown) },
    },
    {
      data: { values },
      mark: { type: 'rule', strokeWidth: 2, opacity: 0.5 },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
    },
    {
      data: { values },
      mark: { type: 'point', filled: true, size: 44, opacity: 1 },
      encoding: { x, y, color, shape: modeShape(shown) },
    },
    {
      data: { values: spread(ends, (15 / heightPx) * top, top) },
      mark: { type: 'text', align: 'left', dx: 9, fontWeight: 600 },
      encoding: { x, y: { ...y, field: 'y' }, text: { field: 'mode' }, color },
    },
  ])
}
