import type { GateOutcome, GateReport } from '../../harness/result/gates.ts'
import type { Paint, PaintStyle } from '../terminal/paint.ts'
import { countText, valuesText } from './wording.ts'

const words = {
  pass: 'pass',
  warn: 'warn',
  fail: 'FAIL',
  inconclusive: 'OPEN',
  off: 'off',
} as const satisfies Record<GateOutcome['verdict'], string>

const styles = {
  pass: 'better',
  warn: 'warning',
  fail: 'worse',
  inconclusive: 'warning',
  off: 'faint',
} as const satisfies Record<GateOutcome['verdict'], PaintStyle>

const indent = ' '.repeat(6)

/** Everything per rule: what `meshbench gate` prints. */
export function gatesTerminal(report: GateReport, paint: Paint): string {
  const notes = report.notes.map((note) => `note  ${printable(note)}`)
  return [
    ...report.outcomes.flatMap((outcome) => outcomeLines(outcome, paint)),
    ...notes,
    `gates ${countText(report)}`,
  ].join('\n')
}

function outcomeLines(outcome: GateOutcome, paint: Paint): string[] {
  const { verdict, name, expected, found, explanation } = outcome
  const head = `${paint(styles[verdict], words[verdict])}  ${printable(name)}`
  if (verdict === 'off') return [head]
  return [
    head,
    `${indent}expected  ${printable(expected)}`,
    `${indent}found     ${printable(found)}`,
    ...(explanation === '' ? [] : [`${indent}because   ${printable(explanation)}`]),
    `${indent}values    ${printable(valuesText(outcome))}`,
  ]
}

/** One line per rule: below the table of a run. */
export function gateLines(report: GateReport, paint: Paint): string[] {
  return report.outcomes
    .filter(({ verdict }) => verdict !== 'off')
    .map(({ verdict, name, found, explanation }) => {
      const why = explanation === '' ? '' : ` (${explanation})`
      return `${paint(styles[verdict], words[verdict])}  ${printable(`${name}: ${found}${why}`)}`
    })
}

function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\u00b7')
}
