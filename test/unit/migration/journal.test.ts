import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JournalEntry } from '../../../migration/journal/entry.ts'
import { listMigrations, migrationFolder } from '../../../migration/journal/folder.ts'
import { parseJournal, readJournal } from '../../../migration/journal/read.ts'
import { stateOf } from '../../../migration/journal/state.ts'
import { openJournal } from '../../../migration/journal/write.ts'
import type { Call } from '../../../migration/result/plan.ts'

const at = '2026-11-23T09:00:00.000Z'
const shop = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }
const call: Call = { verb: 'patch', ref: shop, patch: [] }
const before = { ...shop, metadata: { name: 'shop', uid: 'u', resourceVersion: '7' } }

const started: JournalEntry = {
  at,
  entry: 'started',
  journalVersion: 1,
  plan: 'shop-1',
  hash: 'h',
  holder: 'meshbench jane',
  namespaces: ['shop'],
}
const step: JournalEntry = { at, entry: 'step', step: 'S10/shop' }
const begun: JournalEntry = { at, entry: 'call', step: 'S10/shop', index: 0, call, before }
const called: JournalEntry = { at, entry: 'called', step: 'S10/shop', index: 0, after: before }
const notCalled: JournalEntry = {
  at,
  entry: 'not-called',
  step: 'S10/shop',
  index: 0,
  why: 'refused',
}
const verified: JournalEntry = { at, entry: 'verified', step: 'S10/shop', evidence: ['it is so'] }
const failed: JournalEntry = { at, entry: 'failed', step: 'S10/shop', reason: 'not so' }
const undone: JournalEntry = { at, entry: 'undone', step: 'S10/shop', index: 0, note: 'left' }
const rollback: JournalEntry = { at, entry: 'rollback', holder: 'meshbench joe', why: 'asked' }

test('what a journal says, after each of its entries', () => {
  const cases: readonly (readonly [readonly JournalEntry[], object])[] = [
    [[], { phase: 'new', step: undefined, undecided: undefined }],
    [[started], { phase: 'resumable', step: undefined }],
    [[started, step], { phase: 'resumable', step: 'S10/shop', call: 0 }],
    [[started, step, begun], { phase: 'resumable', call: 0, undecided: 'undecided' }],
    [[started, step, begun, called], { phase: 'resumable', call: 1, undecided: undefined }],
    [[started, step, begun, notCalled], { phase: 'resumable', call: 0, undecided: undefined }],
    [[started, step, begun, called, failed], { phase: 'resumable', failed: 'not so' }],
    [[started, step, begun, called, verified], { phase: 'resumable', step: undefined }],
    [
      [started, step, begun, called, verified, { at, entry: 'paused', step: 'S10/shop' }],
      { phase: 'resumable', pausedAfter: 'S10/shop' },
    ],
    [[started, step, begun, called, verified, { at, entry: 'finished' }], { phase: 'finished' }],
    [[started, step, begun, rollback], { phase: 'rolling-back', undecided: 'undecided' }],
    [[started, step, begun, rollback, undone], { phase: 'rolling-back', undecided: undefined }],
    [
      [started, step, begun, rollback, { at, entry: 'rollback-failed', reason: 'x' }],
      { phase: 'rolling-back' },
    ],
    [
      [started, step, begun, called, rollback, undone, { at, entry: 'rolled-back' }],
      { phase: 'rolled-back' },
    ],
    [
      [started, step, begun, called, rollback, undone, { at, entry: 'rolled-back' }, started],
      { phase: 'resumable', step: undefined, undecided: undefined },
    ],
  ]
  for (const [entries, expected] of cases) {
    const state = stateOf(entries)
    const seen: Record<string, unknown> = {
      ...state,
      undecided: state.undecided?.outcome,
      failed: state.failed?.reason,
    }
    const last = entries.at(-1)?.entry
    for (const [key, value] of Object.entries(expected))
      assert.equal(seen[key], value, `${last} ${key}`)
  }
  const again = stateOf([started, step, begun, called, rollback, undone, started])
  assert.deepEqual(again.calls, [], 'a new beginning owes nothing to the last one')
})

test('whoever resumes a failed step measures its pods anew, after a crash it does not', () => {
  const pods = [
    {
      namespace: 'shop',
      name: 'cart',
      uid: 'u',
      ended: false,
      startTime: at,
      restarts: {},
      startedAt: {},
    },
  ]
  const withPods: JournalEntry = { at, entry: 'step', step: 'S10/shop', pods }
  const resumed: JournalEntry = { at, entry: 'resumed', holder: 'meshbench joe' }
  const crashed = stateOf([started, withPods, begun, called, resumed])
  assert.deepEqual(crashed.podsBeforeStep.get('S10/shop'), pods)
  const gaveUp = stateOf([started, withPods, begun, called, failed, resumed])
  assert.equal(gaveUp.podsBeforeStep.get('S10/shop'), undefined)
  assert.equal(gaveUp.failed, undefined)
  assert.equal(gaveUp.holder, 'meshbench joe')
})

const lines = (...entries: readonly JournalEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')

test('only the end of a journal may be torn', () => {
  const whole = lines(started, step)
  for (const tail of [
    '',
    '{"at"',
    JSON.stringify(begun),
    '\0\0\0',
    '\0\0\0\n',
    'rubbish\n',
    '{}\n',
  ]) {
    const { entries, wholeBytes } = parseJournal(Buffer.from(whole + tail), 'journal.jsonl')
    assert.deepEqual(entries, [started, step], JSON.stringify(tail))
    assert.equal(wholeBytes, Buffer.byteLength(whole))
  }
  for (const [spoilt, why] of [
    [`rubbish\n${whole}`, /damaged: line 1: it is not JSON/],
    [`${lines(started)}{"at":"x","entry":"dance"}\n${lines(step)}`, /damaged: line 2: entry/],
    [`${lines(started)}\n${lines(step)}`, /damaged: line 2/],
  ] as const) {
    assert.throws(() => parseJournal(Buffer.from(spoilt), 'journal.jsonl'), why)
  }
})

test('a journal that is opened again goes on behind its last whole line', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'meshbench-journal-'))
  t.after(() => rm(root, { recursive: true }))
  const path = join(migrationFolder(root, 'shop-1'), 'journal.jsonl')
  const { at: _, ...first } = started
  const journal = await openJournal(path)
  await journal.write(first)
  await journal.write({ entry: 'step', step: 'S0' })
  await journal.close()
  await import('node:fs/promises').then(({ appendFile }) => appendFile(path, '{"at":"20'))
  const again = await openJournal(path)
  assert.deepEqual(
    again.entries().map(({ entry }) => entry),
    ['started', 'step'],
  )
  await again.write({ entry: 'verified', step: 'S0', evidence: [] })
  await again.close()
  assert.equal((await readFile(path, 'utf8')).split('\n').length, 4)
  assert.equal((await readJournal(path)).entries.length, 3)
  const [known] = await listMigrations(root)
  assert.equal(known?.state.plan, 'shop-1')
  assert.deepEqual(await readJournal(join(root, 'none')), { entries: [], wholeBytes: 0 })
})

test('a plan whose id is no folder name gets no folder', () => {
  for (const id of ['../shop', '', '.', 'a/b', 'a\0']) {
    assert.throws(() => migrationFolder('root', id), /cannot be called/, id)
  }
})
