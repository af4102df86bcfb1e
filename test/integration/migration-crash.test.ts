import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { journalPath } from '../../migration/journal/folder.ts'
import { assertSame, deathsUpTo, die, dying, measure, resume, takeBack } from '../support/deaths.ts'
import { startStage } from '../support/migration-stage.ts'
import { folderOf, journalOf } from '../support/staged-run.ts'

test('killed at any point of its journal, a migration is finished by the next run', async () => {
  const { final, applied, kinds } = await measure()
  assert.ok(applied > 25, `${applied} entries`)
  for (const death of deathsUpTo(applied, kinds)) {
    const stage = await startStage()
    const bury = await die(stage, death, dying(stage))
    const what = `${death.when} the request that follows entry ${death.entries}`
    const left = await journalOf(stage)
    assert.ok(['resumable', 'finished'].includes(left.phase), what)
    const done = await resume(stage)
    assert.equal(done.outcome, 'finished', `${what}: ${done.reason}`)
    assertSame(stage, final, what)
    assert.deepEqual(done.pods, { before: 3, untouched: 3, converted: 0, others: [] }, what)
    await bury()
  }
})

test('an entry that was half written is as if it had not been', async () => {
  const { final } = await measure()
  for (const torn of ['{"at":"2026', '\0\0\0\0\n', '{"at":"x","entry":"finished"']) {
    const stage = await startStage()
    const bury = await die(stage, { entries: 12, when: 'before' }, dying(stage))
    await appendFile(journalPath(folderOf(stage)), torn)
    assert.equal((await resume(stage)).outcome, 'finished')
    assertSame(stage, final, torn)
    await bury()
  }
})

test('a journal that is damaged elsewhere is refused, and nothing is done', async () => {
  const stage = await startStage()
  const bury = await die(stage, { entries: 12, when: 'before' }, dying(stage))
  const path = journalPath(folderOf(stage))
  const lines = (await readFile(path, 'utf8')).split('\n')
  await writeFile(path, [...lines.slice(0, 3), 'garbage', ...lines.slice(4)].join('\n'))
  const before = stage.state()
  await assert.rejects(resume(stage), /is damaged: line 4: it is not JSON/)
  await assert.rejects(takeBack(stage), /is damaged: line 4/)
  assertSame(stage, before, 'damaged')
  await bury()
})

test('kill -9 at every write: the next run takes the lease over from the dead and finishes', async (t) => {
  const { final } = await measure()
  // The lease, seven calls, the lease again.
  for (let write = 1; write <= 9; write += 1) {
    const stage = await startStage()
    t.after(() => stage.stop())
    const planPath = join(stage.journals, '..', 'plan.json')
    await writeFile(planPath, JSON.stringify(stage.plan()))
    const script = join(import.meta.dirname, '..', 'support', 'apply-child.js')
    const child = fork(script, [stage.faulty.kubeconfigPath, stage.journals, planPath])
    const exited = once(child, 'exit')
    stage.faulty.inflict(({ isWrite, writeNumber }) =>
      isWrite && writeNumber === write
        ? { when: write % 2 ? 'after' : 'before', call: () => child.kill('SIGKILL') }
        : undefined,
    )
    const [code, signal] = await exited
    assert.equal(signal, 'SIGKILL', `write ${write}: ended with ${code}`)
    const phase = write === 1 ? 'new' : write === 9 ? 'finished' : 'resumable'
    assert.equal((await journalOf(stage)).phase, phase, `write ${write}`)
    const done = await resume(stage)
    assert.equal(done.outcome, 'finished', `write ${write}: ${done.reason}`)
    assertSame(stage, final, `write ${write}`)
  }
})
