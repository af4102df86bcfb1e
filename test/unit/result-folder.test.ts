import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createRunFolder, writeAtomically } from '../../harness/result/folder.ts'

const unwritable = { exitCode: 2, hint: 'name a folder you may write to with --out DIR' }

test('a run folder is made with its parents, and two of one second differ', (t) => {
  const out = mkdtempSync(join(tmpdir(), 'meshbench-folder-'))
  t.after(() => rmSync(out, { recursive: true }))
  const first = createRunFolder(join(out, 'a', 'b'), 0)
  const second = createRunFolder(join(out, 'a', 'b'), 0)
  assert.ok(existsSync(join(first.path, 'logs')))
  assert.deepEqual([first.runId, second.runId], ['1970-01-01T00-00-00', '1970-01-01T00-00-00-2'])
})

test('a folder that cannot be made is an error at once', (t) => {
  const out = mkdtempSync(join(tmpdir(), 'meshbench-folder-'))
  t.after(() => rmSync(out, { recursive: true }))
  const file = join(out, 'file')
  writeFileSync(file, '')
  assert.throws(() => createRunFolder(join(file, 'x'), 0), unwritable)
})

test('neither does it wait for ever below /proc', { skip: !existsSync('/proc/self') }, () => {
  assert.throws(() => createRunFolder('/proc/meshbench/x', 0), unwritable)
})

test('a disk that fills up in the middle of a file leaves no part of it', (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'meshbench-disk-'))
  t.after(() => rmSync(disk, { recursive: true }))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
  if (mounted.status !== 0) return t.skip('needs the right to mount')
  try {
    writeFileSync(join(disk, 'report.html'), 'old')
    const write = () => writeAtomically(join(disk, 'report.html'), 'x'.repeat(1 << 20))
    assert.throws(write, { code: 'output-unwritable', exitCode: 5, message: /no space left/ })
    assert.deepEqual(readdirSync(disk), ['report.html'])
    assert.equal(readFileSync(join(disk, 'report.html'), 'utf8'), 'old')
  } finally {
    spawnSync('umount', [disk])
  }
})
