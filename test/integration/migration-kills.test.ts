import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeBack } from '../support/deaths.ts'
import { applyHere, killAtEveryEntry, killingStage, told, wholePlan } from '../support/kills.ts'

test('kill -9 at every entry of apply: the journal says where it was, and both ways out work', async (t) => {
  const killing = await killingStage(t)
  const { stage, initial } = killing
  assert.equal((await applyHere(stage, wholePlan(stage))).outcome, 'finished')
  const final = stage.state()
  assert.equal((await takeBack(stage)).outcome, 'rolled-back')
  assert.deepEqual(stage.state(), initial)
  const seen = await killAtEveryEntry(killing, {
    action: 'apply',
    phases: ['new', 'resumable', 'finished'],
    outlived: 'finished',
    goOn: async (plan, what, when, { phase }) => {
      // Every entry ends both ways: what was begun goes on to its end, or straight back.
      if (when !== 'before' && phase !== 'new') return
      const done = await applyHere(stage, plan)
      assert.equal(done.outcome, 'finished', `${what}: ${done.reason}`)
      assert.deepEqual(stage.state(), final, what)
      assert.deepEqual(done.pods.others, [], what)
    },
  })
  t.diagnostic(told(seen))
  assert.ok(seen.length > 2 * 38, told(seen))
})
