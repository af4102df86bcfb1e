import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-terminals-'))
after(() => rmSync(scratch, { recursive: true }))
const main = join(import.meta.dirname, '../../cli/main.js')
const short = ['--modes', 'baseline', '--rounds', '1', '--duration', '500ms', '--warmup', '200ms']
const linux = process.platform === 'linux'
// util-linux's: runs a command on a terminal of its own.
const script = linux && spawnSync('script', ['--version']).status === 0
const skip = script ? false : 'no script(1) to make a terminal with'

/** What appears on a terminal, from both streams. */
async function onTerminal(
  env: Readonly<Record<string, string>>,
  argv: readonly string[],
  stopAt?: RegExp,
): Promise<string> {
  const command = [process.execPath, main, ...argv].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {
    cwd: scratch,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
  let shown = ''
  let stopped = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    // As the key does it: the terminal turns it into SIGINT.
    if (stopped || stopAt?.test(shown) !== true) return
    stopped = true
    child.stdin.write('\x03')
  })
  await once(child, 'close')
  clearTimeout(timer)
  // A terminal ends its lines that way.
  return shown.replaceAll('\r\n', '\n')
}

// Colours and cursor movements begin with one, a line that is written over has the other.
const withoutMarks = /^[\n\P{Cc}]*$/u

test('colours are for terminals that have them, and for people who want them', {
  skip,
}, async () => {
  assert.ok((await onTerminal({ TERM: 'xterm' }, ['doctor'])).includes('\x1b[32mok'))
  const plain: Readonly<Record<string, string>>[] = [
    { TERM: 'dumb' },
    { TERM: 'xterm', NO_COLOR: '1' },
  ]
  for (const env of plain) {
    const shown = await onTerminal(env, ['doctor'])
    assert.match(shown, /^ok +node/)
    assert.match(shown, withoutMarks)
  }
})

test('on a terminal that cannot move its cursor a run tells its progress in lines', {
  skip,
}, async () => {
  const shown = await onTerminal({ TERM: 'dumb' }, ['run', ...short])
  assert.match(shown, /\nround 1 of 1, /)
  assert.match(shown, /\nverdict /)
  assert.match(shown, withoutMarks)
})

test('so does a playground, until the Ctrl-C that ends it', { skip }, async () => {
  const up = ['up', '--workload', 'echo', '--rate', '20']
  const shown = await onTerminal({ TERM: 'dumb' }, up, /captured by: none/)
  assert.match(shown, /\n0:\d\d {2}2 pods ready, captured by: none 2/)
  // The terminal shows the key itself.
  assert.match(shown.replaceAll('^C', ''), withoutMarks)
})

test('--quiet leaves the result alone, and a log has no control characters', {
  skip: !linux && 'the embedded cluster needs Linux',
}, async () => {
  const { code, stdout, stderr } = await startCli(['run', '--quiet', ...short], {
    cwd: scratch,
    timeoutMs: 60_000,
  }).finished
  assert.equal(stderr, '')
  assert.ok(code === 0 || code === 3, `${code}`)
  assert.match(stdout, /\nlatency p50 +ms +\d/)
  assert.doesNotMatch(stdout, /[^\P{Cc}\n]/u)
})
