import type { GateOutcome, GateReport } from '../../harness/result/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { valuesText } from './wording.ts'

/** One suite per run, one case per rule. A rule that could not be judged is an error, not a failure. */
export function gatesJunit(report: GateReport, result: Result): string {
  const { outcomes } = report
  const failures = outcomes.filter(({ verdict }) => verdict === 'fail').length
  const errors = outcomes.filter(isError).length
  const skipped = outcomes.filter(isSkipped).length
  const seconds = (Date.parse(result.endedAt) - Date.parse(result.startedAt)) / 1000
  const counts = `tests="${outcomes.length}" failures="${failures}" errors="${errors}" skipped="${skipped}" time="${seconds.toFixed(3)}"`
  const { workload } = result.options
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="meshbench" ${counts}>`,
    `  <testsuite name="${xml(`meshbench gates: ${workload}`)}" ${counts} timestamp="${result.startedAt.slice(0, 19)}">`,
    ...outcomes.map((outcome) => testCase(outcome, report, workload)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function isError({ verdict, level }: GateOutcome): boolean {
  return verdict === 'inconclusive' && level === 'error'
}

function isSkipped(outcome: GateOutcome): boolean {
  return outcome.verdict === 'off' || (outcome.verdict === 'inconclusive' && !isError(outcome))
}

function testCase(outcome: GateOutcome, { file }: GateReport, workload: string): string {
  const { name, verdict, expected, found, explanation, reason, line } = outcome
  const where = line === undefined ? '' : ` line="${line}"`
  const details = [
    `expected: ${expected}`,
    `found:    ${found}`,
    ...(explanation === '' ? [] : [`because:  ${explanation}`]),
    `values:   ${valuesText(outcome)}`,
  ].join('\n')
  const message = `message="${xml(`${found}; ${explanation}`)}" type="${reason}"`
  const state =
    verdict === 'fail'
      ? [`      <failure ${message}>${xml(details)}</failure>`]
      : isError(outcome)
        ? [`      <error ${message}>${xml(details)}</error>`]
        : isSkipped(outcome)
          ? [`      <skipped message="${xml(explanation)}"/>`]
          : [`      <system-out>${xml(details)}</system-out>`]
  return [
    `    <testcase classname="${xml(`meshbench.${workload}`)}" name="${xml(name)}" file="${xml(file)}"${where}>`,
    ...state,
    '    </testcase>',
  ].join('\n')
}

/** XML 1.0 allows no control character but tab and line ends, not even escaped. */
function xml(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\u00b7')
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
