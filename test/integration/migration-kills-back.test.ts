import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyHere, killAtEveryEntry, killingStage, told } from '../support/kills.ts'

test('kill -9 at every entry of a rollback: the next one finishes it', async (t) => {
  const killing = await killingStage(t)
  const seen = await killAtEveryEntry(killing, {
    action: 'rollback',
    phases: ['finished', 'rolling-back', 'rolled-back'],
    outlived: 'rolled-back',
    prepare: async (plan, what) => {
      assert.equal((await applyHere(killing.stage, plan)).outcome, 'finished', what)
    },
  })
  t.diagnostic(told(seen))
  assert.ok(seen.length > 2 * 18, told(seen))
})
