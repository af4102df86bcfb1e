import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { writeResult } from '../../harness/result/write.ts'
import { makeResult } from '../fixtures/result.ts'
import { runCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-compare-'))
after(() => rmSync(scratch, { recursive: true }))
for (const [name, seed] of [
  ['old', 7],
  ['new', 9],
] as const) {
  mkdirSync(join(scratch, name))
  const made = makeResult({ seed, rounds: 6, modes: ['sidecar', 'ambient'] })
  writeResult(join(scratch, name), { ...made, runId: name })
}

test('compare prints what differs, or that nothing was detected', async () => {
  const { code, stdout, stderr } = await runCli(['compare', 'old', 'new'], scratch)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^old \(old\) {2}-> {2}new \(new\)\n/)
  assert.match(stdout, /\nverdict +No difference detected in \d\d figures\.\n/)
})

test('compare writes Markdown and a page beside the new result, with the paths as JSON', async () => {
  const argv = ['compare', 'old', 'new/result.json', '--format', 'md,html', '--json']
  const { code, stdout } = await runCli(argv, scratch)
  assert.equal(code, 0)
  const printed = JSON.parse(stdout) as { files: string[]; comparable: boolean; changes: object[] }
  assert.deepEqual(printed.files, [
    join(scratch, 'new', 'compare.md'),
    join(scratch, 'new', 'compare.html'),
  ])
  assert.equal(printed.comparable, true)
  assert.equal(printed.changes.length, 30)
  assert.match(readFileSync(join(scratch, 'new', 'compare.html'), 'utf8'), /^<!doctype html>/)
})

test('an unknown format and a missing result are refused with exit 2', async () => {
  const odd = await runCli(['compare', 'old', 'new', '--format', 'pdf'], scratch)
  assert.equal(odd.code, 2)
  assert.match(odd.stderr, /^error: --format: there is no format "pdf"/)
  assert.equal((await runCli(['compare', 'old', 'none'], scratch)).code, 2)
  assert.match(
    (await runCli(['compare', 'old'], scratch)).stderr,
    /missing required argument 'new'/,
  )
})

test('report --history makes one page of all runs in a folder', async () => {
  const { code, stdout, stderr } = await runCli(['report', '--history', '.', '--json'], scratch)
  assert.equal(code, 0, stderr)
  const printed = JSON.parse(stdout) as { runs: number; files: string[] }
  assert.deepEqual([printed.runs, printed.files], [2, [join(scratch, 'history.html')]])
  const empty = await runCli(['report', '--history', 'old'], scratch)
  assert.equal(empty.code, 2)
  assert.match(empty.stderr, /^error: old has no run in it\n {2}hint: name the folder/)
  const both = await runCli(['report', 'old', '--history', '.'], scratch)
  assert.equal(both.code, 2)
})
