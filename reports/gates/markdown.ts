import type { GateOutcome, GateReport } from '../../harness/result/gates.ts'
import { escaped, tableRow } from '../markdown/escape.ts'
import { countText, valuesText } from './wording.ts'

const marks = {
  pass: '✅ pass',
  warn: '⚠️ warn',
  fail: '❌ fail',
  inconclusive: '❔ not judged',
  off: 'off',
} as const satisfies Record<GateOutcome['verdict'], string>

/** A table for a pull request or a step summary, with the values folded. */
export function gatesMarkdown(report: GateReport): string[] {
  const shown = report.outcomes.filter(({ verdict }) => verdict !== 'off')
  return [
    `**Gates:** ${countText(report)}`,
    '',
    tableRow(['gate', 'verdict', 'expected', 'found']),
    '|---|---|---|---|',
    ...shown.map(({ name, verdict, expected, found, explanation }) => {
      const why = explanation === '' ? '' : `: ${explanation}`
      return tableRow([
        escaped(name),
        marks[verdict] + escaped(why),
        escaped(expected),
        escaped(found),
      ])
    }),
    ...report.notes.flatMap((note) => ['', `_${escaped(note)}_`]),
  ]
}

/** What `--summary` appends. */
export function stepSummary(report: GateReport, heading: string): string {
  return [
    `### meshbench: ${escaped(heading)}`,
    '',
    ...gatesMarkdown(report),
    '',
    '<details><summary>All values</summary>',
    '',
    ...report.outcomes.map(
      (outcome) => `- ${escaped(outcome.name)}: ${escaped(valuesText(outcome))}`,
    ),
    '',
    '</details>',
    '',
    '',
  ].join('\n')
}
