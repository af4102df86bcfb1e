import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { ExecutionEvent } from '../../migration/execute/events.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { step } from '../support/migration-stage.ts'
import { folderOf, journalOf, optionsFor as options, staged } from '../support/staged-run.ts'

/** All that call. */
const written = ['S5', 'S6', 'S7', 'S8', 'S9', 'S10', 'S12'].map((phase) => `${phase}/shop`)

test('a plan is carried out step by step, proved, and taken back to the last label', async (t) => {
  const stage = await staged(t)
  const before = stage.state()
  const client = await stage.client()
  const events: ExecutionEvent[] = []
  const done = await applyPlan(
    client,
    stage.plan(),
    options(stage, { onEvent: (event) => events.push(event) }),
  )
  assert.equal(done.outcome, 'finished', done.reason)
  assert.deepEqual(
    done.steps.map(({ id, outcome }) => `${id} ${outcome}`),
    ['S0', ...written, 'S14'].map((id) => `${id} verified`),
  )
  assert.deepEqual(done.steps.find(({ id }) => id === 'S10/shop')?.evidence, [
    'Namespace shop carries no istio-injection, istio.io/dataplane-mode=ambient',
    '1 new pod would start without a sidecar (dry run)',
    '1 of 1 pods have ambient.istio.io/redirection=enabled',
    '2 pods keep their sidecar until something recreates them',
    '3 pods of shop: same UID, restart counts and start times as before',
  ])
  assert.deepEqual(done.pods, { before: 3, untouched: 3, converted: 0, others: [] })
  const home = stage.store.get({ ...kinds.namespace, name: 'shop' })
  assert.deepEqual(home?.metadata.labels, {
    'kubernetes.io/metadata.name': 'shop',
    team: 'retail',
    'istio.io/use-waypoint': 'waypoint',
    'istio.io/dataplane-mode': 'ambient',
  })
  assert.equal(stage.faulty.seen.filter(({ path }) => path.includes('force=true')).length, 0)
  assert.deepEqual(done.untried, ['S10/shop: patch Namespace shop: needs what S9/shop does first'])
  assert.equal((await journalOf(stage)).phase, 'finished')
  assert.ok(events.some(({ event }) => event === 'step-verified'))

  const again = await applyPlan(client, stage.plan(), options(stage))
  assert.equal(again.outcome, 'finished', 'what is finished is not done twice')

  const back = await rollbackMigration(client, folderOf(stage))
  assert.equal(back.outcome, 'rolled-back', back.reason)
  assert.deepEqual(stage.state(), before)
  assert.deepEqual(back.pods, { before: 3, untouched: 3, converted: 0, others: [] })
  assert.deepEqual(
    back.steps.filter(({ outcome }) => outcome === 'undone').map(({ id }) => id),
    written,
  )
  const third = await applyPlan(client, stage.plan([step('S0', {})]), options(stage))
  assert.equal(third.outcome, 'finished', 'after a rollback it may begin anew')
})
