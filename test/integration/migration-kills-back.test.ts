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

test('kill -9 at every entry of a rollback: the next one finishes it', async (t) => {
  const stage = await staged(t)
  const controller = deployStore(stage.store)
  const victims = new Victims()
  t.after(() => victims.end())
  t.after(async () => controller.stop())
  const initial = stage.state()
  const seen: KillPoint[] = []
  for (let entry = 1, left = 1; left > 0; entry += 1) {
    left = 0
    for (const when of whensAt(entry)) {
      await forget(stage)
      const plan = wholePlan(stage)
      const what = `${when} entry ${entry}`
      assert.equal((await applyHere(stage, plan)).outcome, 'finished', what)
      const killed = await victims.kill(stage, plan, 'rollback', { entry, when })
      if (killed) {
        left += 1
        seen.push({ entry, when })
      }
      const phases = ['finished', 'rolling-back', 'rolled-back']
      assertPhase(await journalOf(stage), killed ? phases : ['rolled-back'], what)
      const back = await takeBack(stage)
      assert.equal(back.outcome, 'rolled-back', `${what}: ${back.reason}`)
      assert.deepEqual(stage.state(), initial, what)
      assert.equal((await journalOf(stage)).phase, 'rolled-back', what)
    }
  }
  t.diagnostic(told(seen))
  assert.ok(seen.length > 2 * 18, told(seen))
})
