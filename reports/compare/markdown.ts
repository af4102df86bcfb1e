import { escaped, tableRow } from '../markdown/escape.ts'
import type { Change, RunComparison } from './compare.ts'
import {
  betweenRuns,
  changeText,
  compareSentence,
  environmentLines,
  isDifferent,
  pairLines,
} from './wording.ts'

/** `compare.md`: what differs, and the rest folded. */
export function compareMarkdown(found: RunComparison): string {
  const different = found.changes.filter(isDifferent)
  const same = found.changes.filter((change) => !isDifferent(change))
  const environment = environmentLines(found)
  return [
    `**meshbench** ${escaped(found.before.runId)} → ${escaped(found.after.runId)} · ${escaped(found.after.options.workload)}`,
    '',
    found.comparable ? compareSentence(found) : `> **${escaped(compareSentence(found))}**`,
    '',
    ...(different.length === 0 ? [] : [...table(different, found.comparable), '']),
    ...pairLines(found).map((text) => `- ${text}`),
    ...environment.map((text) => `- ${escaped(text)}`),
    '',
    `<details><summary>${same.length} figures ${found.comparable ? 'without a detected difference' : 'side by side'}</summary>`,
    '',
    ...table(same, found.comparable),
    '',
    '</details>',
    ...(found.comparable ? ['', `_${betweenRuns}_`] : []),
    '',
  ].join('\n')
}

function table(changes: readonly Change[], comparable: boolean): string[] {
  return [
    tableRow(['mode', 'figure', 'old', 'new', 'change']),
    '|---|---|--:|--:|--:|',
    ...changes.map((change) => {
      const { before, after, amount, interval, word } = changeText(change, comparable)
      const text = comparable ? [amount, interval, word].filter((part) => part !== '') : [word]
      const title = `${change.metric.title}, ${change.metric.unit}`
      return tableRow([change.mode, title, before, after, text.join(' ')].map(escaped))
    }),
  ]
}
