import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { variable } from '../palette.ts'
import { fixed, formatNumber, typographic } from '../wording/numbers.ts'
import { modesOf } from '../wording/run.ts'
import type { Chart, PanelSpec } from './chart.ts'
import {
  drawing,
  type Layer,
  modeColour,
  modeMargin,
  modeRows,
  modeShape,
  position,
} from './theme.ts'

interface Rate {
  readonly mode: string
  readonly round: number
  readonly offered: number
  readonly achieved: number
}

/** The first question of any load test: was the load that was meant also the load that ran? */
export function achievedRate(result: Result): Chart | null {
  const shown = modesOf(result)
  const rates = shown.flatMap((mode) =>
    validWindows(result.modes[mode]).map(
      ({ round, offeredRate, achievedRate: achieved }): Rate => ({
        mode,
        round,
        offered: offeredRate,
        achieved,
      }),
    ),
  )
  if (rates.length === 0) return null
  const isOpen = result.options.model === 'open'
  return {
    id: 'achieved-rate',
    finding: isOpen ? missed(rates) : saturation(result),
    subtitle: isOpen
      ? 'Answered requests per second in each window, against the offered rate (line)'
      : 'Answered requests per second in each window, as fast as the connections allow',
    reading: isOpen
      ? 'Requests are sent on a schedule that does not wait for answers. A mode left of the line ' +
        'could not keep up, and its latencies are those of an overloaded system.'
      : 'Each connection sends its next request when the last is answered, so the rate shows ' +
        'capacity and says nothing about latency at a given load.',
    legend: isOpen ? [{ label: 'offered rate', colour: variable('text') }] : [],
    panels: [{ heading: '', spec: (widthPx) => panel(result, rates, isOpen, widthPx) }],
    table: {
      columns: ['mode', 'round', 'offered, req/s', 'achieved, req/s'],
      rows: rates.map(({ mode, round, offered, achieved }) => [
        mode,
        String(round),
        fixed(offered, 1, typographic),
        fixed(achieved, 1, typographic),
      ]),
    },
  }
}

function missed(rates: readonly Rate[]): string {
  const worst = rates
    .filter(({ offered }) => offered > 0)
    .map(({ mode, offered, achieved }) => ({ mode, share: achieved / offered }))
    .sort((a, b) => a.share - b.share)[0]
  if (worst === undefined) return 'No load was offered'
  if (worst.share >= 0.99) return 'Every window achieved the offered rate within 1 %'
  return `The offered rate was missed: by ${fixed(100 * (1 - worst.share), 1)} % in a window of ${worst.mode}`
}

function saturation(result: Result): string {
  const parts = modesOf(result).flatMap((mode) => {
    const value = result.modes[mode]?.summary.achievedRate?.value ?? null
    return value === null ? [] : [`${formatNumber(value, 0, typographic)} req/s in ${mode}`]
  })
  return `At saturation: ${parts.join(', ')}`
}

function panel(
  result: Result,
  rates: readonly Rate[],
  isOpen: boolean,
  widthPx: number,
): PanelSpec {
  const shown = modesOf(result)
  // The rate asked for: what a window really offered differs from it by single arrivals at its edges.
  const asked = isOpen ? result.options.ratePerSecond : null
  const all = [...rates.map(({ achieved }) => achieved), ...(asked === null ? [] : [asked])]
  const highest = Math.max(...all)
  const lowest = isOpen ? Math.min(...all, highest * 0.97) : 0
  const pad = (highest - lowest) * 0.08
  const x = position('achieved', {
    title: 'achieved rate, req/s',
    domain: [lowest === 0 ? 0 : lowest - pad, highest + pad],
  })
  const offered: Layer[] = asked
    ? [
        {
          data: { values: [{ rate: asked }] },
          mark: { type: 'rule', color: variable('text'), strokeWidth: 1.5 },
          encoding: { x: { ...x, field: 'rate' } },
        },
      ]
    : []
  return drawing(widthPx, shown.length * 34, modeMargin, [
    ...offered,
    {
      data: { values: rates.slice() },
      mark: { type: 'point', filled: true, size: 50, opacity: 0.75 },
      encoding: {
        x,
        y: modeRows(shown),
        color: modeColour(shown),
        shape: modeShape(shown),
        tooltip: [
          { field: 'mode' },
          { field: 'round' },
          { field: 'achieved', title: 'req/s', format: '.1f' },
        ],
      },
    },
  ])
}
