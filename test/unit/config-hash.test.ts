import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findWorkload } from '../../harness/deploy/workload.ts'
import { configHash } from '../../harness/experiment/config-hash.ts'
import { runOptions } from '../support/windows.ts'

const echo = findWorkload('echo')
const hash = configHash(runOptions(), echo)

test('runs that were asked for the same have the same hash, whatever their seed', () => {
  assert.match(hash, /^[0-9a-f]{16}$/)
  assert.equal(
    configHash(runOptions({ seed: 99, command: ['meshbench', 'run', '-x'] }), echo),
    hash,
  )
})

test('another setting or another workload has another one', () => {
  assert.notEqual(configHash(runOptions({ connections: 17 }), echo), hash)
  assert.notEqual(configHash(runOptions(), findWorkload('chain')), hash)
})

test('a file that changed under its name is another workload', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meshbench-hash-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'graph.yaml')
  const of = (size: string): string => {
    writeFileSync(file, `services:\n- name: a\n  isEntrypoint: true\n  responseSize: ${size}\n`)
    return configHash(runOptions(), findWorkload(file))
  }
  assert.notEqual(of('1k'), of('2k'))
})
