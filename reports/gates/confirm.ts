import type { GateOutcome, GateReport } from '../../harness/result/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { verdictOf } from './check.ts'

/**
 * What holds after measuring again: a rule fails only when it failed every time. One that failed
 * once, in either run, is a warning.
 */
export function confirmed(before: GateReport, again: GateReport, result: Result): GateReport {
  const outcomes = again.outcomes.map((outcome, index): GateOutcome => {
    const failedBefore = before.outcomes[index]?.verdict === 'fail'
    if (outcome.verdict === 'fail' && !failedBefore) {
      const explanation = 'past the limit in this run, but not in the one before'
      return { ...outcome, verdict: 'warn', reason: 'not-confirmed', explanation }
    }
    if (failedBefore && outcome.verdict === 'pass') {
      const explanation = 'failed in the run before, not when measured again'
      return { ...outcome, verdict: 'warn', reason: 'not-confirmed', explanation }
    }
    return outcome
  })
  return { ...again, outcomes, verdict: verdictOf(outcomes, result) }
}
