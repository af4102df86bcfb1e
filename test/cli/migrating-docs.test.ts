import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { asPattern, blocksOf, transcriptOf } from '../support/markdown-blocks.ts'
import { startCli } from '../support/run-cli.ts'

const page = resolve(import.meta.dirname, '../../../docs/migrating.md')

test('the walk through docs/migrating.md prints what the page says, on a playground of its own', async (t) => {
  const blocks = blocksOf(readFileSync(page, 'utf8'))
  const walk = blocks.filter(({ words }) => words.includes('walkthrough')).flatMap(transcriptOf)
  const start = blocks.find(({ text }) => text.startsWith('meshbench up '))
  assert.ok(start !== undefined && walk.length === 4)
  const folder = mkdtempSync(join(tmpdir(), 'meshbench-walk-'))
  const up = startCli(start.text.split(' ').slice(1), { cwd: folder, timeoutMs: 100_000 })
  t.after(async () => {
    up.child.kill('SIGTERM')
    await up.finished
    rmSync(folder, { recursive: true })
  })
  let seen = ''
  up.child.stdout?.on('data', (chunk: Buffer) => {
    seen += String(chunk)
  })
  // Under load: what a ztunnel carries is part of what is proved.
  while (!/[1-9][0-9.]* req\/s/.test(seen)) await sleep(100)
  for (const { command, output } of walk) {
    const argv = [...command.split(' ').slice(1), '--kubeconfig', 'playground.kubeconfig']
    const { stdout, stderr } = await startCli(argv, { cwd: folder, timeoutMs: 60_000 }).finished
    assert.match(stderr + stdout, asPattern(output), command)
  }
})
