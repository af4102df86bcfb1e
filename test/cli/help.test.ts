import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { assertGolden } from '../fixtures/golden.ts'
import { runCli } from '../support/run-cli.ts'

for (const [argv, golden] of [
  [['--help'], 'help.txt'],
  [['run', '--help'], 'help-run.txt'],
  [['up', '--help'], 'help-up.txt'],
  [['report', '--help'], 'help-report.txt'],
  [['estimate', '--help'], 'help-estimate.txt'],
  [['doctor', '--help'], 'help-doctor.txt'],
  [['config', '--help'], 'help-config.txt'],
  [['completion', '--help'], 'help-completion.txt'],
  [['gate', '--help'], 'help-gate.txt'],
  [['compare', '--help'], 'help-compare.txt'],
  [['migrate', '--help'], 'help-migrate.txt'],
  [['migrate', 'plan', '--help'], 'help-migrate-plan.txt'],
  [['migrate', 'apply', '--help'], 'help-migrate-apply.txt'],
  [['migrate', 'status', '--help'], 'help-migrate-status.txt'],
  [['migrate', 'rollback', '--help'], 'help-migrate-rollback.txt'],
  [['migrate', 'rehearse', '--help'], 'help-migrate-rehearse.txt'],
  [['migrate', 'rbac', '--help'], 'help-migrate-rbac.txt'],
] as const) {
  test(`meshbench ${argv.join(' ')} prints its help to stdout and exits 0`, async () => {
    const { code, stdout, stderr } = await runCli(argv)
    assertGolden(golden, stdout)
    assert.equal(stderr, '')
    assert.equal(code, 0)
  })
}

test('help loads nothing heavy: it takes under three times as long as an empty program', async () => {
  // Relative, since the machine under test may be many times slower than the one at hand.
  const emptyMs: number[] = []
  const helpMs: number[] = []
  for (let repeat = 0; repeat < 5; repeat++) {
    const startedAt = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    emptyMs.push(performance.now() - startedAt)
    helpMs.push((await runCli(['--help'])).durationMs)
  }
  const times = `${Math.min(...helpMs)} ms against ${Math.min(...emptyMs)} ms`
  assert.ok(Math.min(...helpMs) < 3 * Math.min(...emptyMs), times)
})

test('meshbench alone shows the help as an error', async () => {
  const { code, stdout, stderr } = await runCli([])
  assert.equal(code, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /^Usage: meshbench/)
})
