// `meshbench run` as processes of their own, for whoever looks at them while they run.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { readResult } from '../../harness/result/read.ts'
import type { Result } from '../../harness/result/schema.ts'
import { type CliProcess, startCli } from './run-cli.ts'

export interface StartedRun extends CliProcess {
  readonly out: string
  /** Of the only run below `out`, which is not its `latest` where no window was measured. */
  result(): Result
}

/** One window of a second. */
export const short = ['--rounds', '1', '--duration', '1s', '--warmup', '500ms', '--rate', '100']
/** Long enough to be stopped in its window. */
export const long = ['--rounds', '1', '--duration', '60s', '--warmup', '500ms', '--rate', '50']

/** Of a test file; what it leaves is killed and removed at its end. */
export function startedRuns(): {
  readonly scratch: string
  start(name: string, ...argv: string[]): StartedRun
} {
  const scratch = mkdtempSync(join(tmpdir(), 'meshbench-run-'))
  const started: ChildProcess[] = []
  after(() => {
    for (const child of started) child.kill('SIGKILL')
    rmSync(scratch, { recursive: true })
  })
  return {
    scratch,
    start: (name, ...argv) => {
      const out = join(scratch, name)
      const cli = startCli(['run', '--out', out, ...argv], { timeoutMs: 90_000, ownGroup: true })
      started.push(cli.child)
      return { ...cli, out, result: () => onlyResultIn(out) }
    },
  }
}

function onlyResultIn(out: string): Result {
  const runs = readdirSync(out).filter((name) => name !== 'latest')
  assert.equal(runs.length, 1, `${out} has ${runs}`)
  return readResult(join(out, runs[0] ?? ''))
}
