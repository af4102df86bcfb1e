import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyse } from '../../../reports/analyse.ts'
import { terminalSummary } from '../../../reports/terminal/summary.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { makeResult } from '../../fixtures/result.ts'

const found = analyse(makeResult())

test('a full run prints every mode, the comparison, the answer and where the report is', () => {
  const text = terminalSummary(found, { width: 140, reportPath: '.meshbench/x/report.html' })
  assertGolden('terminal.txt', text)
})

test('at 80 columns no line of the table is longer, and the comparison stands below', () => {
  const text = terminalSummary(found, { width: 80 })
  const table = text.split('\n').slice(1)
  assert.ok(
    table.every((line) => line.length <= 80),
    table.find((line) => line.length > 80),
  )
  assertGolden('terminal-80.txt', text)
})

test('colours change no column', () => {
  const painted = terminalSummary(found, { paint: (style, text) => `<${style}>${text}</>` })
  assert.equal(painted.replaceAll(/<\/?\w*>/g, ''), terminalSummary(found))
})

test('a quick run says that its differences are indications', () => {
  const text = terminalSummary(analyse(makeResult({ rounds: 3, quick: true })))
  assert.match(text, /less in all 3 repeats/)
  assert.match(text.replaceAll(/\s+/g, ' '), /a verdict needs at least 4/)
})

test('an interrupted or invalid run says so before any figure', () => {
  const interrupted = terminalSummary({ ...found, status: 'interrupted' })
  assert.match(interrupted.split('\n')[2] ?? '', /^STOP +The run was interrupted/)
  const invalid = terminalSummary({
    ...found,
    validity: {
      verdict: 'invalid',
      findings: [
        {
          code: 'generator-saturated',
          severity: 'error',
          message: 'The load generator used 97 % of its core.',
          hint: 'Lower --rate.',
        },
      ],
    },
  })
  assert.match(invalid, /STOP +This measurement is not valid/)
  assert.match(invalid, /invalid +The load generator used 97 % of its core; Lower --rate\./)
})

test('a name with control characters cannot steer the terminal', () => {
  const hostile = analyse(makeResult({ rounds: 1, workload: 'a\u001b[2Jb\r\nc' }))
  const lines = terminalSummary(hostile).split('\n')
  assert.ok(lines.every((line) => !/\p{Cc}/u.test(line)))
})

test('one mode alone is shown without a comparison', () => {
  const text = terminalSummary(analyse(makeResult({ modes: ['ambient'], rounds: 2 })))
  assert.match(text, /there is nothing to compare/)
  assert.doesNotMatch(text, / vs /)
})
