import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { writeResult } from '../../harness/result/write.ts'
import { makeResult } from '../fixtures/result.ts'
import { runCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-report-'))
after(() => rmSync(scratch, { recursive: true }))
writeResult(scratch, makeResult())

test('report writes every document beside the result and lists them', async () => {
  const { code, stdout, stderr } = await runCli(['report', scratch])
  assert.equal(stderr, '')
  assert.equal(code, 0)
  const names = ['report.html', 'windows.csv', 'summary.csv', 'summary.md']
  assert.deepEqual(
    stdout.trim().split('\n'),
    names.map((name) => join(scratch, name)),
  )
  assert.match(readFileSync(join(scratch, 'report.html'), 'utf8'), /^<!doctype html>/i)
})

test('report writes the wanted formats into another folder, with the paths as JSON', async () => {
  const out = join(scratch, 'made', 'here')
  const argv = ['report', join(scratch, 'result.json'), '--format', 'md', '--out', out, '--json']
  const { code, stdout } = await runCli(argv)
  assert.equal(code, 0)
  assert.deepEqual((JSON.parse(stdout) as { files: string[] }).files, [join(out, 'summary.md')])
  assert.deepEqual(readdirSync(out), ['summary.md'])
})

test('a small page has no scripts to draw with and the same drawings', async () => {
  const [small, full] = ['small', 'full'].map((size) => join(scratch, size)) as [string, string]
  for (const out of [small, full]) {
    const size = out === small ? 'small' : 'full'
    const argv = ['report', scratch, '--format', 'html', '--report-size', size, '--out', out]
    assert.equal((await runCli(argv)).code, 0)
  }
  const [still, live] = [small, full].map((out) => readFileSync(join(out, 'report.html'), 'utf8'))
  assert.ok((still?.length ?? 0) < 400_000, `${still?.length} characters`)
  assert.ok((live?.length ?? 0) > 800_000)
  const drawings = (page = ''): number => page.match(/class="still wide"><svg/g)?.length ?? 0
  assert.ok(drawings(still) >= 8)
  assert.equal(drawings(still), drawings(live))
  const odd = await runCli(['report', scratch, '--report-size', 'tiny'])
  assert.equal(odd.code, 2)
  assert.match(odd.stderr, /there is no size "tiny"/)
})

test('an unknown format is refused with exit 2', async () => {
  const { code, stderr } = await runCli(['report', scratch, '--format', 'pdf'])
  assert.equal(code, 2)
  assert.match(stderr, /^error: .*pdf/)
  assert.match(stderr, /\n {2}hint: .*html, csv, md/)
})

test('a result cut in half is refused with exit 2 and says so', async () => {
  const cut = join(scratch, 'cut.json')
  writeFileSync(cut, readFileSync(join(scratch, 'result.json'), 'utf8').slice(0, 1000))
  const { code, stderr } = await runCli(['report', cut])
  assert.equal(code, 2)
  assert.match(stderr, /^error: .*cut\.json ends in the middle\n/)
})

test('a folder for documents that cannot be made is refused with exit 2', async () => {
  const { code, stderr } = await runCli([
    'report',
    scratch,
    '--out',
    join(scratch, 'cut.json', 'x'),
  ])
  assert.equal(code, 2, stderr)
  assert.match(stderr, /^error: cannot write to .*cut\.json/)
})
