import { type Cell, layRow, widthsOf, wrap } from '../terminal/layout.ts'
import type { Paint } from '../terminal/paint.ts'
import type { RunComparison } from './compare.ts'
import {
  betweenRuns,
  changeText,
  compareSentence,
  environmentLines,
  isDifferent,
  pairLines,
} from './wording.ts'

/** Only what differs is spelt out; with runs that do not compare, everything stands side by side. */
export function compareTerminal(found: RunComparison, paint: Paint, width = 100): string {
  const shown = found.comparable ? found.changes.filter(isDifferent) : found.changes
  const rows = shown.map((change): Cell[] => {
    const { before, after, amount, interval, word, tone } = changeText(change, found.comparable)
    const style = tone === 'neutral' ? ('faint' as const) : tone
    return [
      { text: change.mode },
      { text: change.metric.title },
      { text: change.metric.unit, style: 'faint' },
      { text: before },
      { text: after },
      ...(found.comparable
        ? [
            { text: amount, style },
            { text: interval, style: 'faint' as const },
            { text: word, style },
          ]
        : [{ text: word, style: 'faint' as const }]),
    ]
  })
  const head: Cell[] = ['mode', 'figure', 'unit', 'old', 'new', 'change'].map((text) => ({
    text,
    style: 'strong',
  }))
  const table = rows.length === 0 ? [] : [head, ...rows]
  const widths = widthsOf(table)
  const note = (label: string, text: string): string =>
    label.padEnd(9) + wrap(text, Math.max(40, width - 9), ' '.repeat(9))
  return [
    paint('strong', printable(`${found.before.runId} (old)  ->  ${found.after.runId} (new)`)),
    '',
    ...table.map((row) => layRow(row, widths, paint)),
    ...(table.length === 0 ? [] : ['']),
    note('verdict', printable(compareSentence(found))),
    ...pairLines(found).map((text) => note('pair', text)),
    ...environmentLines(found).map((text) => note('differs', printable(text))),
    ...(found.comparable ? [note('note', betweenRuns)] : []),
    '',
  ].join('\n')
}

function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\u00b7')
}
