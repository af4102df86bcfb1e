import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli, startCli } from '../support/run-cli.ts'

const skip = process.platform === 'linux' ? false : 'the embedded cluster needs Linux'
const scratch = mkdtempSync(join(tmpdir(), 'meshbench-run-gates-'))
after(() => rmSync(scratch, { recursive: true }))

test('a run that breaks a rule measures again, exits with 1 and says so in its report', {
  skip,
}, async () => {
  const rules = '  - { metric: latencyP50Ms, mode: baseline, max: 0.001 ms }\n'
  writeFileSync(join(scratch, 'gates.yaml'), `confirm: 1\nrules:\n${rules}`)
  const short = ['--rounds', '3', '--duration', '500ms', '--warmup', '300ms', '--rate', '100']
  const { code, stdout, stderr } = await startCli(
    ['run', '--modes', 'baseline', ...short, '--gates', 'gates.yaml', '--out', 'runs'],
    { cwd: scratch, timeoutMs: 90_000 },
  ).finished
  assert.match(stderr, /measuring again to confirm \(1 of 1\)/)
  assert.equal(code, 1, stdout + stderr)
  assert.doesNotMatch(stdout + stderr, /[^\P{Cc}\n]/u, 'a log has no control characters')
  assert.match(stdout, /\ngates +FAIL {2}Latency p50 of baseline: at most 0\.001 ms: /)
  const runs = readdirSync(join(scratch, 'runs')).filter((name) => name !== 'latest')
  assert.equal(runs.length, 2)
  const page = readFileSync(join(scratch, 'runs', 'latest', 'report.html'), 'utf8')
  assert.match(page, /<section id="gates"/)
})

test('a mistake in the gates file is refused before anything is measured', async () => {
  writeFileSync(
    join(scratch, 'wrong.yaml'),
    'rules:\n  - { metric: nonsense, mode: ambient, max: 1 }\n',
  )
  const argv = ['run', '--quick', '--gates', 'wrong.yaml', '--out', 'none']
  const { code, stderr } = await runCli(argv, scratch)
  assert.equal(code, 2)
  assert.match(stderr, /^error: wrong\.yaml:2:15: there is no metric "nonsense"/)
  assert.ok(!readdirSync(scratch).includes('none'))
})
