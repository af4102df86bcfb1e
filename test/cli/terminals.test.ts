import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { noTerminal, startOnTerminal } from '../support/on-terminal.ts'
import { startCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-terminals-'))
after(() => rmSync(scratch, { recursive: true }))
const short = ['--modes', 'baseline', '--rounds', '1', '--duration', '500ms', '--warmup', '200ms']
const linux = process.platform === 'linux'
const skip = noTerminal

/** What appears on a terminal, from both streams. */
async function onTerminal(
  env: Readonly<Record<string, string>>,
  argv: readonly string[],
  stopAt?: RegExp,
): Promise<string> {
  const terminal = startOnTerminal(argv, { cwd: scratch, env, timeoutMs: 60_000 })
  if (stopAt !== undefined) {
    await terminal.until((shown) => stopAt.test(shown))
    terminal.pressCtrlC()
  }
  await terminal.ended
  // A terminal ends its lines that way.
  return terminal.shown().replaceAll('\r\n', '\n')
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
