import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertSame, deathsUpTo, die, dying, measure, takeBack } from '../support/deaths.ts'
import { startStage } from '../support/migration-stage.ts'
import { apply, journalOf, rollback } from '../support/staged-run.ts'

test('killed at any point of its journal, a migration is taken back as if it had never been', async () => {
  const { initial, applied, kinds } = await measure()
  for (const death of deathsUpTo(applied, kinds)) {
    const stage = await startStage()
    const bury = await die(stage, death, dying(stage))
    const what = `${death.when} the request that follows entry ${death.entries}`
    const done = await takeBack(stage)
    assert.equal(done.outcome, 'rolled-back', `${what}: ${done.reason}`)
    assertSame(stage, initial, what)
    assert.equal((await journalOf(stage)).phase, 'rolled-back', what)
    await bury()
  }
})

test('killed while taking back, the next rollback finishes it', async () => {
  const { initial, applied, all } = await measure()
  for (let entries = applied + 1; entries <= all; entries += 1) {
    const stage = await startStage()
    await apply(stage)
    const bury = await die(stage, { entries, when: 'before' }, (signal) =>
      rollback(stage, { signal }, 60_000),
    )
    const what = `entry ${entries} of ${all}`
    const done = await takeBack(stage)
    assert.equal(done.outcome, 'rolled-back', `${what}: ${done.reason}`)
    assertSame(stage, initial, what)
    await bury()
  }
})
