import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { type MergedHistogram, mergeHistograms } from '../statistics/histogram.ts'
import { fixed, formatNumber, typographic } from '../wording/numbers.ts'
import { modesOf } from '../wording/run.ts'
import type { Chart, PanelSpec } from './chart.ts'
import { needsLog, niceCeiling, spread } from './scale.ts'
import { drawing, modeColour, modeDash, modeShape, position } from './theme.ts'

const heightPx = 260
const named = [50, 75, 90, 95, 99, 99.9]
/** p50 to p99.9 as 1/(1-p). */
const reach = [2, 1000]
const tickValues = { wide: [2, 4, 10, 20, 100, 1000], narrow: [2, 10, 100, 1000] }
const tickNames =
  "{'2': 'p50', '4': 'p75', '10': 'p90', '20': 'p95', '100': 'p99', '1000': 'p99.9'}[datum.value]"

interface Curve {
  readonly mode: Mode
  readonly merged: MergedHistogram
}

/** All requests of a mode's valid windows as one curve, the tail stretched by 1/(1-p). */
export function percentileCurves(result: Result): Chart | null {
  const curves = modesOf(result).flatMap((mode): Curve[] => {
    const windows = validWindows(result.modes[mode])
    const merged = mergeHistograms(windows.map(({ latencyUs }) => latencyUs.histogram))
    return merged.n < 20 ? [] : [{ mode, merged }]
  })
  if (curves.length === 0) return null
  const lowest = Math.min(...curves.map(({ merged }) => at(merged, 50)))
  const highest = Math.max(...curves.map(({ merged }) => at(merged, endOf(merged))))
  const isLog = needsLog(lowest, niceCeiling(highest))
  return {
    id: 'latency-percentiles',
    finding: tailFinding(curves),
    subtitle: 'Latency in ms by percentile, all requests of all repeats',
    reading:
      'Read across: at p90, nine of ten requests were faster than the value of the curve. Each ' +
      'step to the right looks at ten times rarer requests. A curve ends where fewer than ten ' +
      'requests lie beyond it. Latency counts from the moment a request was due, so waiting ' +
      'behind a slow one is in it.',
    legend: [],
    panels: [
      {
        heading: '',
        spec: (widthPx) => panel(curves, widthPx, isLog),
        otherScale: { isLog, spec: (widthPx) => panel(curves, widthPx, !isLog) },
      },
    ],
    table: {
      columns: ['percentile', ...curves.map(({ mode }) => `${mode}, ms`)],
      rows: [
        ...named.map((p) => [
          `p${p}`,
          ...curves.map(({ merged }) =>
            supported(merged, p) ? formatNumber(at(merged, p), 2, typographic) : 'too few requests',
          ),
        ]),
        ['requests', ...curves.map(({ merged }) => fixed(merged.n, 0, typographic))],
      ],
    },
  }
}

function at(merged: MergedHistogram, percentile: number): number {
  return merged.atPercentile(percentile) / 1000
}

/** As everywhere: a percentile needs at least ten requests beyond it. */
function supported(merged: MergedHistogram, percentile: number): boolean {
  return merged.n * (100 - percentile) >= 999.999
}

function tailFinding(curves: readonly Curve[]): string {
  const growth = curves
    .filter(({ merged }) => supported(merged, 99))
    .map(({ mode, merged }) => ({ mode, times: at(merged, 99) / at(merged, 50) }))
    .sort((a, b) => b.times - a.times)
  const most = growth[0]
  const least = growth.at(-1)
  if (most === undefined || least === undefined) return 'Too few requests for a p99'
  const text = ({ times }: { times: number }): string =>
    `${formatNumber(times, 1, typographic)} times`
  if (text(most) === text(least)) return `At p99 a request takes ${text(most)} the median`
  return `At p99 a request takes ${text(least)} the median in ${least.mode}, ${text(most)} in ${most.mode}`
}

/** The rarest percentile that a curve reaches. */
function endOf({ n }: MergedHistogram): number {
  return 100 * (1 - 1 / Math.min(1000, n / 10))
}

function panel(curves: readonly Curve[], widthPx: number, isLog: boolean): PanelSpec {
  const shown = curves.map(({ mode }) => mode)
  const lines = curves.flatMap(({ mode, merged }) => {
    const last = Math.min(1000, merged.n / 10)
    return Array.from({ length: 61 }, (_, step) => {
      const inverse = 2 * (last / 2) ** (step / 60)
      return { mode, inverse, ms: at(merged, 100 * (1 - 1 / inverse)) }
    })
  })
  const markers = curves.flatMap(({ mode, merged }) =>
    named
      .filter((percentile) => supported(merged, percentile))
      .map((percentile) => ({
        mode,
        percentile: `p${percentile}`,
        inverse: Math.round(100_000 / (100 - percentile)) / 1000,
        ms: at(merged, percentile),
      })),
  )
  const top = niceCeiling(Math.max(...lines.map(({ ms }) => ms)))
  const lowest = Math.min(...lines.map(({ ms }) => ms))
  const bottom = isLog ? lowest / 1.3 : 0
  const x = {
    field: 'inverse',
    type: 'quantitative' as const,
    scale: { type: 'log' as const, domain: [...reach] },
    axis: {
      values: widthPx < 420 ? tickValues.narrow : tickValues.wide,
      labelExpr: tickNames,
      title: 'percentile of requests',
    },
  }
  const y = position('ms', { title: 'latency, ms', domain: [bottom, top], log: isLog })
  // Labels are moved apart on the page, so in the scale's own measure.
  const measure = isLog ? Math.log : (ms: number): number => ms
  const ms = isLog ? Math.exp : (measured: number): number => measured
  const offset = isLog ? measure(bottom) : 0
  const reachY = measure(top) - offset
  const ends = curves.flatMap(({ mode }) => {
    const end = lines.findLast((point) => point.mode === mode)
    return end === undefined ? [] : [{ mode, inverse: end.inverse, y: measure(end.ms) - offset }]
  })
  const labels = spread(ends, (15 / heightPx) * reachY, reachY).map((label) => ({
    ...label,
    y: ms(label.y + offset),
  }))
  return drawing(widthPx, heightPx, { left: 60, right: 72, top: 10, bottom: 48 }, [
    {
      data: { values: lines },
      mark: { type: 'line', strokeWidth: 2, interpolate: 'monotone' },
      encoding: { x, y, color: modeColour(shown), strokeDash: modeDash(shown) },
    },
    {
      data: { values: markers },
      mark: { type: 'point', filled: true, size: 46, opacity: 1 },
      encoding: {
        x,
        y,
        color: modeColour(shown),
        shape: modeShape(shown),
        tooltip: [
          { field: 'mode' },
          { field: 'percentile' },
          { field: 'ms', title: 'latency, ms', format: '.3~r' },
        ],
      },
    },
    {
      data: { values: labels },
      mark: { type: 'text', align: 'left', dx: 8, fontWeight: 600 },
      encoding: {
        x,
        y: { ...y, field: 'y' },
        text: { field: 'mode' },
        color: modeColour(shown),
      },
    },
  ])
}
