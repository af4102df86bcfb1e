import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { ExecutionEvent } from '../../migration/execute/events.ts'
import type { Plan, Step } from '../../migration/result/plan.ts'
import { readStatus } from '../../migration/status/read-status.ts'
import { addPod, allSteps, type Stage } from '../support/migration-stage.ts'
import { journalOf, optionsFor, rollback, staged } from '../support/staged-run.ts'

const denied = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  name: 'deny-admin',
  namespace: 'shop',
}

/** The policy goes once no pod of the namespace has a sidecar. */
function plan(stage: Stage): Plan {
  const steps = allSteps(stage.store).map(
    (one): Step =>
      one.phase === 'S12'
        ? {
            ...one,
            requires: [{ check: 'no-sidecars', namespace: 'shop' }, ...(one.requires ?? [])],
          }
        : one,
  )
  return stage.plan(steps)
}

/** As the next rollout does it, in a namespace that does not inject any more. */
function recreateCarts(stage: Stage): void {
  for (const name of ['cart-1', 'cart-2']) {
    stage.store.delete({ ...kinds.pod, name, namespace: 'shop' }, { gracePeriodSeconds: 0 })
    addPod(stage.store, name)
  }
}

test('a step whose time has not come is left, and the next apply finishes it', async (t) => {
  const stage = await staged(t)
  const client = await stage.client()
  const whole = plan(stage)
  const events: ExecutionEvent[] = []
  const onEvent = (event: ExecutionEvent) => events.push(event)
  const first = await applyPlan(client, whole, optionsFor(stage, { onEvent }))
  assert.equal(first.outcome, 'finished', first.reason)
  const skipped = first.steps.find(({ id }) => id === 'S12/shop')
  assert.equal(skipped?.outcome, 'skipped')
  assert.equal(skipped?.reason, '2 pods of shop have a sidecar: cart-1, cart-2')
  assert.ok(events.some(({ event }) => event === 'step-skipped'))
  assert.ok(stage.store.get(denied), 'nothing is deleted while sidecars enforce it')
  const journal = await journalOf(stage)
  assert.equal(journal.phase, 'finished')
  assert.deepEqual([...journal.skipped], [['S12/shop', skipped?.reason]])

  const again = await applyPlan(client, whole, optionsFor(stage))
  assert.equal(
    again.steps.find(({ id }) => id === 'S12/shop')?.outcome,
    'skipped',
    'still too soon',
  )

  recreateCarts(stage)
  const status = await readStatus(await stage.direct(), {
    namespaces: ['shop'],
    journalDirectory: stage.journals,
  })
  assert.match(
    status.namespaces[0]?.next ?? '',
    /^S12\/shop was left for later .*: meshbench migrate apply --namespace shop looks again$/,
  )
  // Rollouts since then are what it has waited for, so that they are no drift.
  const drift = async () => ({ changed: ['Deployment shop/cart'], appeared: [], gone: [] })
  const done = await applyPlan(client, whole, optionsFor(stage, { readDrift: drift }))
  assert.equal(done.outcome, 'finished', done.reason)
  assert.ok(done.steps.every(({ outcome }) => outcome === 'verified'))
  assert.deepEqual(done.pods, { before: 3, untouched: 3, converted: 0, others: [] })
  assert.equal(stage.store.get(denied), undefined)
  assert.equal((await journalOf(stage)).skipped.size, 0)

  assert.equal((await rollback(stage)).outcome, 'rolled-back')
  assert.deepEqual(stage.store.get(denied)?.spec, {
    action: 'DENY',
    rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
  })
})

test('what its owner has changed or made anew is not deleted', async (t) => {
  const stage = await staged(t)
  const client = await stage.client()
  const whole = plan(stage)
  await applyPlan(client, whole, optionsFor(stage))
  recreateCarts(stage)
  const { spec, metadata } = stage.store.get(denied) ?? assert.fail('it is gone')
  stage.store.mutate(denied, (one) => ({ ...one, spec: { ...(spec as object), action: 'ALLOW' } }))
  const edited = await applyPlan(client, whole, optionsFor(stage))
  const reason = (steps: typeof edited.steps) => steps.find(({ id }) => id === 'S12/shop')?.reason
  assert.match(reason(edited.steps) ?? '', /deny-admin is not as the plan saw it \(spec\.action\)/)

  stage.store.delete(denied)
  const { uid: _, resourceVersion: __, ...named } = metadata
  stage.store.create({ ...denied, metadata: named, spec })
  const anew = await applyPlan(client, whole, optionsFor(stage))
  assert.match(reason(anew.steps) ?? '', /is not as the plan saw it \(metadata\.uid\)/)
  assert.ok(stage.store.get(denied))
  assert.match(anew.untried?.join() ?? '', /S12\/shop: delete AuthorizationPolicy shop\/deny-admin/)
})
