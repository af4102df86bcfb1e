import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { gateCases } from '../gates/junit.ts'
import { findingsOf } from '../wording/findings.ts'
import { modesOf } from '../wording/run.ts'
import { type JunitCase, writeJunit } from './write.ts'

/** `junit.xml`: may the run be believed, did each mode take its path, and its gates if it had any. */
export function runJunit(result: Result): string {
  const { workload } = result.options
  return writeJunit({
    name: `meshbench run: ${workload}`,
    className: `meshbench.${workload}`,
    startedAt: result.startedAt,
    endedAt: result.endedAt,
    cases: [
      validityCase(result),
      ...modesOf(result).map((mode) => modeCase(result, mode)),
      ...(result.gates === undefined ? [] : gateCases(result.gates)),
    ],
  })
}

function validityCase(result: Result): JunitCase {
  const { status, validity } = result
  const grave = findingsOf(result).filter(({ severity }) => severity !== 'info')
  const good = status === 'complete' && validity.verdict === 'valid'
  return {
    name: 'the measurement can be trusted',
    state: good ? 'passed' : 'error',
    message: status === 'complete' ? validity.verdict : status,
    type: status === 'complete' ? validity.verdict : status,
    details: grave.map(({ code, message, where }) => `${code}: ${message} ${where}`).join('\n'),
  }
}

function modeCase(result: Result, mode: ReturnType<typeof modesOf>[number]): JunitCase {
  const found = result.modes[mode]
  const ok = found?.verified.ok === true
  const valid = validWindows(found).length
  const message = ok ? `${valid} valid windows` : 'the proxies own counters do not show it'
  return {
    name: `${mode} took its path`,
    state: ok ? 'passed' : 'error',
    message,
    type: 'not-verified',
    details: [message, ...(found?.verified.evidence ?? [])].join('\n'),
  }
}
