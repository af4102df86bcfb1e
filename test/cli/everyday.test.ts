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
  assert.match(stdout, /^rounds +10 +default$/m)
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
    const file = join(scratch, `completion.${shell}`)
    writeFileSync(file, stdout)
    const checked = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
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

test('fish completes commands, subcommands and options, with what they mean', async (t) => {
  const { stdout } = await runCli(['completion', 'fish'])
  const script = [
    stdout,
    'complete -C "meshbench do"',
    'complete -C "meshbench run --rat"',
    'complete -C "meshbench migrate rb"',
    'complete -C "meshbench gate --update"',
  ]
  const shell = spawnSync('fish', ['--private', '-c', script.join('\n')], { encoding: 'utf8' })
  if (shell.error !== undefined) return t.skip('no fish')
  assert.equal(shell.stderr, '')
  const words = shell.stdout.trim().split('\n')
  assert.deepEqual(
    words.map((line) => line.split('\t')[0]),
    ['doctor', '--rate', 'rbac', '--update-baseline'],
  )
  assert.match(words[1] ?? '', /requests per second/)
})

/** Keys as typed at a terminal of zsh's own, what it shows for them with control sequences removed. */
const zshTerminal = `
zmodload zsh/zpty
zpty z "TERM=dumb zsh -f"
zpty -w z "PROMPT=; autoload -U compinit; compinit -u -D; source $1; echo RE''ADY"
while zpty -r z line; do [[ $line == *READY* ]] && break; done
shift
for keys in "$@"; do
  zpty -w -n z "$keys"$'\t'
  shown=
  for ((i = 0; i < 100; i++)); do
    sleep 0.05
    while zpty -r -t z part; do shown+=$part; done
    [[ $shown == *"$keys"?* ]] && break
  done
  print -r -- \${(V)shown}
  zpty -w -n z $'\x15'
done
zpty -d z`

test('zsh completes commands, subcommands and options', async (t) => {
  const { stdout } = await runCli(['completion', 'zsh'])
  const folder = mkdtempSync(join(tmpdir(), 'meshbench-zsh-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const script = join(folder, 'completion.zsh')
  writeFileSync(script, `${stdout}\n`)
  const typed = ['meshbench doc', 'meshbench run --rat', 'meshbench migrate rb']
  const shell = spawnSync('zsh', ['-f', '-c', zshTerminal, 'zsh', script, ...typed], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  if ((shell.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return t.skip('no zsh')
  for (const word of ['doctor', '--rate', 'rbac']) {
    assert.match(shell.stdout, new RegExp(`meshbench .*${word}`), shell.stderr)
  }
})

test('an unknown shell is a usage error', async () => {
  const { code, stderr } = await runCli(['completion', 'tcsh'])
  assert.equal(code, 2)
  assert.match(stderr, /^error: .*tcsh/)
})
