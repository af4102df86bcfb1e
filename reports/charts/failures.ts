import type { Mode } from '../../harness/modes.ts'
import type { Result, Window } from '../../harness/result/schema.ts'
import { failedRequests } from '../metrics.ts'
import { variable } from '../palette.ts'
import { fixed, typographic } from '../wording/numbers.ts'
import { modesOf } from '../wording/run.ts'
import type { Chart, PanelSpec } from './chart.ts'
import { niceCeiling } from './scale.ts'
import { drawing, modeMargin, modeRows, position } from './theme.ts'

const kinds = {
  non2xx: 'error status',
  timeout: 'timeout',
  reset: 'connection reset',
  connectFailed: 'no connection',
  unanswered: 'unanswered',
} as const

type Kind = keyof typeof kinds

/** Only when something failed. Counts windows that do not count elsewhere, too: a failure is one. */
export function failuresByMode(result: Result): Chart | null {
  const shown = modesOf(result)
  const rows = shown.map((mode) => {
    const windows = result.modes[mode]?.windows ?? []
    return {
      mode,
      failed: sum(windows, failedRequests),
      arrivals: sum(windows, ({ arrivals }) => arrivals),
      byKind: kindsOf(windows),
    }
  })
  if (rows.every(({ failed }) => failed === 0)) return null
  return {
    id: 'failures',
    finding: `Requests failed: ${rows
      .filter(({ failed }) => failed > 0)
      .map(({ mode, failed, arrivals }) => `${share(failed, arrivals)} in ${mode}`)
      .join(', ')}`,
    subtitle: 'Requests without a good answer, all windows, by mode',
    reading:
      'Latency figures count good answers only, so a mode that fails quickly can look fast: read ' +
      'this chart before the others.',
    legend: [],
    panels: [{ heading: '', spec: (widthPx) => panel(shown, rows, widthPx) }],
    table: {
      columns: ['mode', 'requests', ...Object.values(kinds)],
      rows: rows.map(({ mode, arrivals, byKind }) => [
        mode,
        fixed(arrivals, 0, typographic),
        ...Object.keys(kinds).map((kind) => fixed(byKind[kind as Kind], 0, typographic)),
      ]),
    },
  }
}

function sum(windows: readonly Window[], read: (window: Window) => number): number {
  return windows.reduce((total, window) => total + read(window), 0)
}

function kindsOf(windows: readonly Window[]): Record<Kind, number> {
  const of = (kind: Kind): number => sum(windows, ({ outcomes }) => outcomes[kind])
  return {
    non2xx: of('non2xx'),
    timeout: of('timeout'),
    reset: of('reset'),
    connectFailed: of('connectFailed'),
    unanswered: of('unanswered'),
  }
}

function share(failed: number, arrivals: number): string {
  const percent = arrivals === 0 ? 0 : (100 * failed) / arrivals
  return `${fixed(failed, 0, typographic)} (${percent < 0.1 ? '<0.1' : fixed(percent, 1)} %)`
}

function panel(
  shown: readonly Mode[],
  rows: readonly { readonly mode: Mode; readonly failed: number }[],
  widthPx: number,
): PanelSpec {
  const values = rows.map(({ mode, failed }) => ({
    mode,
    failed,
    text: fixed(failed, 0, typographic),
  }))
  const most = Math.max(...values.map(({ failed }) => failed))
  const x = position('failed', { title: 'failed requests', domain: [0, niceCeiling(most)] })
  const y = modeRows(shown)
  return drawing(widthPx, shown.length * 34, { ...modeMargin, right: 56 }, [
    {
      data: { values },
      mark: { type: 'bar', height: 18, color: variable('worse') },
      encoding: { x, y, tooltip: [{ field: 'mode' }, { field: 'failed' }] },
    },
    {
      data: { values },
      mark: { type: 'text', align: 'left', dx: 6, fontWeight: 600 },
      encoding: { x, y, text: { field: 'text' } },
    },
  ])
}
