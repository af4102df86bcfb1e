import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readResult } from '../../harness/result/read.ts'
import { long, short, startedRuns } from '../support/started-runs.ts'

const skip =
  process.platform === 'linux' ? false : 'the limit on file sizes is set by a Linux shell'
const { scratch, start } = startedRuns()
const main = join(import.meta.dirname, '../../cli/main.js')

test('where the page does not fit on the disk any more, what was measured stays', {
  skip,
}, async () => {
  const out = join(scratch, 'full')
  // result.json of a window is a few dozen KiB, report.html above 1 MiB.
  const argv = [main, 'run', '--out', out, ...short, '--modes', 'baseline']
  const child = spawn('bash', ['-c', 'ulimit -f 300; exec "$0" "$@"', process.execPath, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 90_000,
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = await once(child, 'close')
  assert.notEqual(code, 0, said)
  assert.match(said, /measured all the same: .*result\.json\n.*meshbench report RESULT --out DIR/)
  assert.match(said, /error: cannot write to .*report\.html \(EFBIG\)/)
  const { status, modes } = readResult(join(out, 'latest'))
  assert.deepEqual([status, modes.baseline?.windows.length], ['complete', 1])
})

test('stopped before its first window a run says so, and is not the latest', { skip }, async () => {
  const run = start('early', ...long, '--modes', 'baseline')
  await run.sees('deploying')
  run.child.kill('SIGINT')
  const { code, stderr } = await run.finished
  assert.equal(code, 130, stderr)
  assert.match(stderr, /interrupted before a window was measured; settings and logs are in /)
  assert.ok(!existsSync(join(run.out, 'latest')))
  assert.equal(readdirSync(run.out).length, 1)
})
