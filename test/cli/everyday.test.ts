import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-everyday-'))
after(() => rmSync(scratch, { recursive: true }))
writeFileSync(join(scratch, 'meshbench.yaml'), 'workload: chain\nrate: 120\n')

test('doctor says of every check what it found, and leaves nothing behind', async () => {
  const { code, stdout } = await runCli(['doctor', '--json'], scratch)
  const { ready, checks } = JSON.parse(stdout) as {
    ready: boolean
    checks: { name: string; found: string }[]
  }
  assert.equal(ready, true)
  assert.equal(code, 0)
  assert.ok(checks.length >= 12 && checks.every(({ found }) => found !== ''))
  assert.deepEqual(readdirSync(scratch), ['meshbench.yaml'])
})

test('doctor exits 5 when a folder for results cannot be had', async () => {
  const file = join(scratch, 'meshbench.yaml', 'runs')
  const { code, stdout } = await runCli(['doctor', '--out', file], scratch)
  assert.equal(code, 5)
  assert.match(stdout, /^missing +results folder .*ENOTDIR/m)
  assert.match(stdout, /1 of these must be put right before a run\n$/)
})

test('config names the file, the option and the default a setting comes from', async () => {
  const { code, stdout } = await runCli(['config', '--rate', '300'], scratch)
  assert.equal(code, 0)
  assert.match(stdout, /^workload +chain +meshbench\.yaml:1:11$/m)
  assert.match(stdout, /^rate +300 +--rate$/m)
  assert.match(stdout, /^rounds +6 +default$/m)
})

test('a mistake in meshbench.yaml stops a run before it starts', async () => {
  const folder = mkdtempSync(join(scratch, 'wrong-'))
  writeFileSync(join(folder, 'meshbench.yaml'), 'rounds: many\n')
  const { code, stderr } = await runCli(['run'], folder)
  assert.equal(code, 2)
  assert.match(stderr, /^error: meshbench\.yaml:1:9: rounds takes a whole number, not "many"\n/)
  assert.deepEqual(readdirSync(folder), ['meshbench.yaml'])
  rmSync(folder, { recursive: true })
})

test('the completion scripts hold every command and are accepted by their shells', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await runCli(['completion', shell])
    assert.equal(code, 0)
    for (const word of ['run', 'estimate', 'doctor', 'warmup-max']) {
      assert.ok(stdout.includes(word), `${shell}: ${word}`)
    }
    const checked = spawnSync(shell, ['-n'], { input: stdout, encoding: 'utf8' })
    // A shell that is not installed cannot object.
    if (checked.error === undefined) assert.equal(checked.stderr, '', shell)
  }
})

test('bash completes the options of the command at hand', async (t) => {
  const { stdout } = await runCli(['completion', 'bash'])
  const script = `${stdout}\nCOMP_WORDS=(meshbench run --warm); COMP_CWORD=2; _meshbench; echo "\${COMPREPLY[@]}"`
  const shell = spawnSync('bash', ['--norc'], { input: script, encoding: 'utf8' })
  if (shell.error !== undefined) return t.skip('no bash')
  assert.equal(shell.stdout.trim(), '--warmup --warmup-max')
})

test('bash completes subcommands and their options', async (t) => {
  const { stdout } = await runCli(['completion', 'bash'])
  const complete = (...words: string[]): string =>
    `COMP_WORDS=(meshbench ${words.join(' ')}); COMP_CWORD=${words.length}; _meshbench; echo "\${COMPREPLY[@]}"`
  const script = [stdout, complete('migrate', 'rb'), complete('migrate', 'rbac', '--sub')]
  const shell = spawnSync('bash', ['--norc'], { input: script.join('\n'), encoding: 'utf8' })
  if (shell.error !== undefined) return t.skip('no bash')
  assert.deepEqual(shell.stdout.trim().split('\n'), ['rbac', '--subject'])
})

test('an unknown shell is a usage error', async () => {
  const { code, stderr } = await runCli(['completion', 'tcsh'])
  assert.equal(code, 2)
  assert.match(stderr, /^error: .*tcsh/)
})
