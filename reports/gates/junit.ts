import type { GateOutcome, GateReport } from '../../harness/result/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { type JunitCase, writeJunit } from '../junit/write.ts'
import { valuesText } from './wording.ts'

/** One suite per run, one case per rule. A rule that could not be judged is an error, not a failure. */
export function gatesJunit(report: GateReport, result: Result): string {
  const { workload } = result.options
  return writeJunit({
    name: `meshbench gates: ${workload}`,
    className: `meshbench.${workload}`,
    startedAt: result.startedAt,
    endedAt: result.endedAt,
    cases: gateCases(report),
  })
}

export function gateCases({ file, outcomes }: GateReport): JunitCase[] {
  return outcomes.map((outcome) => {
    const { name, expected, found, explanation, reason, line } = outcome
    return {
      name,
      state: stateOf(outcome),
      message:
        outcome.value === null || explanation === '' ? explanation : `${found}; ${explanation}`,
      type: reason,
      details: [
        `expected: ${expected}`,
        `found:    ${found}`,
        ...(explanation === '' ? [] : [`because:  ${explanation}`]),
        `values:   ${valuesText(outcome)}`,
      ].join('\n'),
      file,
      ...(line !== undefined && { line }),
    }
  })
}

function stateOf({ verdict, level }: GateOutcome): JunitCase['state'] {
  if (verdict === 'fail') return 'failure'
  if (verdict === 'off') return 'skipped'
  if (verdict !== 'inconclusive') return 'passed'
  return level === 'error' ? 'error' : 'skipped'
}
