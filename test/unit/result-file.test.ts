import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { nothingMeasured, type RunFacts, recordRun } from '../../harness/experiment/record.ts'
import { createRunFolder, pointLatestAt, writeAtomically } from '../../harness/result/folder.ts'
import { resultJsonSchema } from '../../harness/result/json-schema.ts'
import { readResult } from '../../harness/result/read.ts'
import type { Result } from '../../harness/result/schema.ts'
import { writeResult } from '../../harness/result/write.ts'
import { healthyWindow, runOptions } from '../support/windows.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-result-'))
after(() => rmSync(scratch, { recursive: true }))
const nowMs = Date.UTC(2026, 10, 23, 4, 10, 0)

function emptyRun(): Result {
  const options = runOptions()
  const facts: RunFacts = {
    runId: '2026-11-23T04-10-00',
    startedAtMs: nowMs,
    tool: { name: 'meshbench', version: '0.1.0' },
    options,
    environment: {
      node: 'v20.20.2',
      platform: 'linux-x64',
      os: 'Linux',
      kernel: '6.1',
      cpuModel: 'x',
      cores: 2,
      memoryBytes: 8e9,
      governor: null,
      virtualised: null,
      loadAverageAtStart: [0, 0, 0],
      cpuSource: 'schedstat',
      memorySource: 'smaps_rollup',
    },
  }
  return recordRun(facts, nothingMeasured(options), { status: 'interrupted' })
}

test('two runs that start in the same second get folders of their own', () => {
  const out = join(scratch, 'same-second')
  const ids = [1, 2, 3].map(() => createRunFolder(out, nowMs).runId)
  assert.deepEqual(ids, ['2026-11-23T04-10-00', '2026-11-23T04-10-00-2', '2026-11-23T04-10-00-3'])
})

test('latest leads to the newest run', () => {
  const out = join(scratch, 'latest')
  for (const at of [nowMs, nowMs + 5000]) {
    const folder = createRunFolder(out, at)
    writeResult(folder.path, { ...emptyRun(), runId: folder.runId })
    pointLatestAt(folder)
  }
  assert.equal(readResult(join(out, 'latest')).runId, '2026-11-23T04-10-05')
})

test('an out folder that cannot be written is a usage error naming it', () => {
  const file = join(scratch, 'a-file')
  writeFileSync(file, '')
  assert.throws(
    () => createRunFolder(join(file, 'runs'), nowMs),
    (error: Error & { exitCode?: number; code?: string }) =>
      error.exitCode === 2 && error.code === 'output-unwritable' && error.message.includes(file),
  )
})

test('a result is read back as it was written, by folder or by file', () => {
  const folder = createRunFolder(join(scratch, 'round-trip'), nowMs)
  const record = emptyRun()
  const path = writeResult(folder.path, record)
  assert.deepEqual(readResult(folder.path), record)
  assert.deepEqual(readResult(path), record)
})

test('an atomic write leaves nothing but the file', () => {
  const folder = createRunFolder(join(scratch, 'atomic'), nowMs)
  writeAtomically(join(folder.path, 'a.txt'), 'one')
  writeAtomically(join(folder.path, 'a.txt'), 'two')
  assert.deepEqual(readdirSync(folder.path).sort(), ['a.txt', 'logs'])
  assert.equal(readFileSync(join(folder.path, 'a.txt'), 'utf8'), 'two')
})

test('fields that a later version added are passed over, wherever they stand', () => {
  const file = join(scratch, 'later-fields.json')
  const windows = [healthyWindow()]
  const sidecar = { namespace: 'a', verified: { ok: true, evidence: [] }, windows, summary: {} }
  const record = { ...emptyRun(), modes: { sidecar } }
  writeFileSync(file, JSON.stringify(withUnknownFields(record)))
  assert.deepEqual(readResult(file), JSON.parse(JSON.stringify(record)))
})

test('the published JSON Schema lets editors and validators pass over them too', () => {
  const closed = JSON.stringify(resultJsonSchema()).match(/"additionalProperties":false/g)
  assert.equal(closed, null)
})

/** Every object that is not a table of names gets a field of its own. */
function withUnknownFields(value: unknown, isTable = false): unknown {
  if (Array.isArray(value)) return value.map((item) => withUnknownFields(item))
  if (typeof value !== 'object' || value === null) return value
  const tables = ['modes', 'cpu', 'memory', 'summary', 'noise', 'failures']
  const fields = Object.entries(value).map(([key, field]) => [
    key,
    withUnknownFields(field, tables.includes(key)),
  ])
  return { ...Object.fromEntries(fields), ...(isTable ? {} : { addedLater: { figure: 1 } }) }
}

const unreadable: readonly [string, (text: string) => string, string, RegExp][] = [
  ['a cut file', (text) => text.slice(0, 200), 'result-truncated', /ends in the middle/],
  ['an empty file', () => '', 'result-truncated', /ends in the middle/],
  ['a page', () => '<!doctype html>', 'result-invalid', /is not JSON/],
  ['no JSON', () => '{ nonsense }', 'result-invalid', /is not JSON/],
  [
    'a file of a newer version',
    (text) => text.replace('"schemaVersion": 1', '"schemaVersion": 9'),
    'result-newer',
    /schema version 9, this is 1/,
  ],
  [
    'a file with a wrong field',
    (text) => text.replace('"status": "interrupted"', '"status": "done"'),
    'result-invalid',
    /status: /,
  ],
]

for (const [name, spoil, code, message] of unreadable) {
  test(`${name} is refused with its reason`, () => {
    const file = join(scratch, `${name.replaceAll(' ', '-')}.json`)
    writeFileSync(file, spoil(`${JSON.stringify(emptyRun(), null, 2)}\n`))
    assert.throws(
      () => readResult(file),
      (error: Error & { exitCode?: number; code?: string }) => {
        assert.equal(error.code, code)
        assert.match(error.message, message)
        return error.exitCode === 2
      },
    )
  })
}

test('a missing result says where results are', () => {
  assert.throws(() => readResult(join(scratch, 'nowhere')), /does not exist/)
})

test('the published JSON Schema is the current one', () => {
  const path = new URL('../../../meshbench.schema.json', import.meta.url)
  assert.deepEqual(
    JSON.parse(readFileSync(path, 'utf8')),
    JSON.parse(JSON.stringify(resultJsonSchema())),
    'run node scripts/schema.mjs',
  )
})

test('a full disk is said in one message, and nothing half-written replaces the old file', (t) => {
  if (!existsSync('/dev/full')) return t.skip('no /dev/full here')
  const folder = createRunFolder(join(scratch, 'full'), nowMs)
  const path = join(folder.path, 'result.json')
  writeAtomically(path, 'old')
  // Where the writer puts its bytes first; every write to this device fails with ENOSPC.
  symlinkSync('/dev/full', `${path}.${process.pid}.tmp`)
  assert.throws(
    () => writeAtomically(path, 'new'),
    (error: Error & { exitCode?: number; code?: string }) => {
      assert.equal(error.message, `no space left to write ${path} (ENOSPC)`)
      assert.equal(error.code, 'output-unwritable')
      return error.exitCode === 5
    },
  )
  assert.equal(readFileSync(path, 'utf8'), 'old')
  assert.deepEqual(readdirSync(folder.path).sort(), ['logs', 'result.json'])
})

test('a result that cannot be read says why', () => {
  const file = join(scratch, 'loop.json')
  symlinkSync(file, file)
  assert.throws(() => readResult(file), {
    code: 'result-unreadable',
    exitCode: 2,
    message: `${file} cannot be read (ELOOP)`,
  })
})

test('a result that may not be read says so', (t) => {
  const file = join(scratch, 'forbidden.json')
  writeFileSync(file, '{}', { mode: 0 })
  if (process.getuid?.() === 0) return t.skip('root reads everything')
  assert.throws(() => readResult(file), /forbidden\.json cannot be read \(EACCES\)/)
})
