import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gatedExitCode, loadRunGates, untilConfirmed } from '../../cli/run/gates.ts'
import type { Result } from '../../harness/result/schema.ts'
import { analyse } from '../../reports/analyse.ts'
import { makeResult } from '../fixtures/result.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-run-gates-'))
after(() => rmSync(scratch, { recursive: true }))
const file = join(scratch, 'gates.yaml')
writeFileSync(
  file,
  'confirm: 2\nrules:\n  - { metric: latencyP50Ms, mode: ambient, max: 1.5 ms }\n',
)

const never = new AbortController().signal
const good = analyse(makeResult({ modes: ['ambient'], rounds: 3 }))
const bad = analyse(
  makeResult({
    modes: ['ambient'],
    rounds: 3,
    change: (window) => ({ ...window, latencyUs: { ...window.latencyUs, p50: 2000 } }),
  }),
)

/** Measures what the test says, one after the other. */
async function run(...results: readonly Result[]) {
  const gates = await loadRunGates(file)
  const notes: string[] = []
  let measured = 0
  const attempt = await untilConfirmed(
    gates,
    async () => {
      const result = results[measured++] as Result
      const record = { ...result, gates: gates.check(result) }
      return { record, exitCode: gatedExitCode(0, record), output: `run ${measured}` }
    },
    (text) => notes.push(text),
    never,
  )
  return { measured, notes, exitCode: attempt.exitCode, output: attempt.output }
}

test('a run that keeps its rules is measured once', async () => {
  assert.deepEqual(await run(good), { measured: 1, notes: [], exitCode: 0, output: 'run 1' })
})

test('a rule that fails is measured again, as often as the file says, and then exits with 1', async () => {
  const { measured, notes, exitCode, output } = await run(bad, bad, bad)
  assert.deepEqual([measured, exitCode, output], [3, 1, 'run 3'])
  assert.match(
    notes[0] ?? '',
    /fails Latency p50 of ambient: .*measuring again to confirm \(1 of 2\)/,
  )
})

test('a failure that does not come back is no failure', async () => {
  const { measured, exitCode } = await run(bad, good)
  assert.deepEqual([measured, exitCode], [2, 0])
})

test('an invalid measurement keeps its exit code, whatever its figures', () => {
  assert.equal(gatedExitCode(3, good), 3)
})
