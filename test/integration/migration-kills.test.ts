import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { MigrationState } from '../../migration/journal/state.ts'
import type { Execution } from '../../migration/result/execution.ts'
import type { Plan } from '../../migration/result/plan.ts'
import { takeBack } from '../support/deaths.ts'
import type { KillPoint } from '../support/kill-child.ts'
import { forget, Victims } from '../support/kills.ts'
import { allSteps, type Stage, step } from '../support/migration-stage.ts'
import { deployStore, restartStore, stored } from '../support/rollout-stand-in.ts'
import { journalOf, optionsFor, staged } from '../support/staged-run.ts'

const gate = { intervals: 1, intervalMs: 1, maxErrorRate: 0.01, leastRequests: 20 }
/** Half a line differs from none only for whoever reads it: some of them will do. */
const whensAt = (entry: number): readonly KillPoint['when'][] =>
  entry % 5 === 0 ? ['before', 'torn', 'after'] : ['before', 'after']

/** With everything a migration can do to a namespace, restarts included. */
function wholePlan(stage: Stage): Plan {
  const steps = allSteps(stage.store)
  const turned = steps.findIndex(({ phase }) => phase === 'S10') + 1
  const restart = step('S11/shop/Deployment/store', {
    calls: [restartStore],
    verify: [
      { check: 'rolled-out', ref: stored, timeoutMs: 5_000 },
      { check: 'converted', ref: stored, namespace: 'shop', timeoutMs: 5_000 },
    ],
  })
  // Carts keep their sidecars: it is left for later, each time.
  const later = step('S12/later', {
    namespace: 'shop',
    requires: [{ check: 'no-sidecars', namespace: 'shop' }],
    calls: [{ verb: 'delete', ref: { ...stored, name: 'none' }, uid: 'none' }],
  })
  return stage.plan([...steps.slice(0, turned), restart, later, ...steps.slice(turned)])
}

async function applyHere(stage: Stage, plan: Plan): Promise<Execution> {
  return applyPlan(await stage.direct(), plan, optionsFor(stage, { gate }))
}

/** Which entries have been seen as the last whole one of a killed process: proof that none was skipped. */
function told(seen: readonly KillPoint[]): string {
  const entries = Math.max(...seen.map(({ entry }) => entry))
  return `${seen.length} processes killed, at each of ${entries} entries`
}

function assertResumable({ phase }: MigrationState, phases: readonly string[], what: string): void {
  assert.ok(phases.includes(phase), `${what}: the journal says ${phase}`)
}

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
      assertResumable(state, killed ? ['new', 'resumable', 'finished'] : ['finished'], what)
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
      assertResumable(await journalOf(stage), killed ? phases : ['rolled-back'], what)
      const back = await takeBack(stage)
      assert.equal(back.outcome, 'rolled-back', `${what}: ${back.reason}`)
      assert.deepEqual(stage.state(), initial, what)
      assert.equal((await journalOf(stage)).phase, 'rolled-back', what)
    }
  }
  t.diagnostic(told(seen))
  assert.ok(seen.length > 2 * 18, told(seen))
})
