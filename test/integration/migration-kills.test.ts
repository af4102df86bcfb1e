import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeBack } from '../support/deaths.ts'
import type { KillPoint } from '../support/kill-child.ts'
import {
  applyHere,
  assertPhase,
  forget,
  told,
  Victims,
  whensAt,
  wholePlan,
} from '../support/kills.ts'
import { deployStore } from '../support/rollout-stand-in.ts'
import { journalOf, staged } from '../support/staged-run.ts'

test('kill -9 at every entry of apply: the journal says where it was, and both ways out work', async (t) => {
  const stage = await staged(t)
  const controller = deployStore(stage.store)
  const victims = new Victims()
  t.after(() => victims.end())
  t.after(async () => controller.stop())
  const initial = stage.state()
  assert.equal((await applyHere(stage, wholePlan(stage))).outcome, 'finished')
  const final = stage.state()
  assert.equal((await takeBack(stage)).outcome, 'rolled-back')
  assert.deepEqual(stage.state(), initial)
  const seen: KillPoint[] = []
  for (let entry = 1, left = 1; left > 0; entry += 1) {
    left = 0
    for (const when of whensAt(entry)) {
      await forget(stage)
      const plan = wholePlan(stage)
      const what = `${when} entry ${entry}`
      const killed = await victims.kill(stage, plan, 'apply', { entry, when })
      if (killed) {
        left += 1
        seen.push({ entry, when })
      }
      const state = await journalOf(stage)
      assertPhase(state, killed ? ['new', 'resumable', 'finished'] : ['finished'], what)
      // Every entry ends both ways: what was begun goes on to its end, or straight back.
      if (when === 'before' || state.phase === 'new') {
        const done = await applyHere(stage, plan)
        assert.equal(done.outcome, 'finished', `${what}: ${done.reason}`)
        assert.deepEqual(stage.state(), final, what)
        assert.deepEqual(done.pods.others, [], what)
      }
      const back = await takeBack(stage)
      assert.equal(back.outcome, 'rolled-back', `${what}: ${back.reason}`)
      assert.deepEqual(stage.state(), initial, what)
      assert.equal((await journalOf(stage)).phase, 'rolled-back', what)
    }
  }
  t.diagnostic(told(seen))
  assert.ok(seen.length > 2 * 38, told(seen))
})
