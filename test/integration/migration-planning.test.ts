import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPlan } from '../../cli/migrate/new-plan.ts'
import { status } from '../../cli/migrate/status.ts'
import { kinds } from '../../cluster/kinds.ts'
import type { PlanOptions } from '../../migration/plan/intent.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { SeenRequest } from '../support/faulty-api.ts'
import { quietContext } from '../support/quiet-context.ts'
import { staged } from '../support/staged-run.ts'

const options: PlanOptions = {
  namespaces: ['shop'],
  restartWorkloads: false,
  waypoint: 'auto',
  waypointName: 'waypoint',
  accept: [],
  probe: false,
}

function resultOf(plan: Plan, id: string) {
  const { outcome, why, findings } = plan.checks.find((one) => one.id === id) ?? assert.fail(id)
  const told = findings.map(
    ({ severity, resource, reason }) => `${severity} ${resource}: ${reason}`,
  )
  return { outcome, why, told }
}

test('a plan tries every call with dryRun=All, changes nothing, and MB022 says who objects', async (t) => {
  const stage = await staged(t)
  const before = stage.state()
  const client = await stage.client()
  const made = await newPlan(client, options, quietContext().context)
  const calls = made.steps.flatMap((step) => step.calls)
  assert.ok(calls.length >= 5, `${calls.length} calls`)
  assert.equal(stage.faulty.seen.filter(({ dryRun }) => dryRun).length, calls.length)
  assert.equal(stage.faulty.seen.filter(({ isWrite }) => isWrite).length, 0)
  assert.deepEqual(stage.state(), before)
  const tried = resultOf(made, 'MB022')
  assert.deepEqual(
    tried.told.filter((one) => !one.startsWith('info')),
    [],
  )
  assert.equal(resultOf(made, 'MB026').outcome, 'not-evaluated')

  const message = 'admission webhook "labels.example" denied the request: ask the platform team'
  const refusal = {
    apiVersion: 'v1',
    kind: 'Status',
    status: 'Failure',
    reason: 'Forbidden',
    code: 403,
  }
  stage.faulty.inflict(({ path, dryRun }) =>
    dryRun && path.includes('authorizationpolicies')
      ? { answer: 403, body: { ...refusal, message } }
      : undefined,
  )
  const refused = resultOf(await newPlan(client, options, quietContext().context), 'MB022')
  assert.ok(
    refused.told.some((one) =>
      /^blocker AuthorizationPolicy shop.*S[678].*ask the platform team/.test(one),
    ),
    refused.told.join('\n'),
  )

  const denied = 'namespaces "shop" is forbidden: User "jane" cannot patch resource "namespaces"'
  stage.faulty.inflict((seen) =>
    seen.dryRun && seen.method === 'PATCH' && seen.path.includes('/namespaces/shop?')
      ? { answer: 403, body: { ...refusal, message: denied } }
      : undefined,
  )
  const missing = resultOf(await newPlan(client, options, quietContext().context), 'MB022')
  assert.deepEqual(
    missing.told.filter((one) => one.startsWith('blocker')),
    [],
  )
  assert.ok(
    missing.told.some((one) => /^warning Namespace shop: .*User "jane" cannot/.test(one)),
    missing.told.join('\n'),
  )
})

test('compared with an earlier plan, MB026 names what is no longer as it was', async (t) => {
  const stage = await staged(t)
  const client = await stage.direct()
  const { context } = quietContext()
  const earlier = await newPlan(client, options, context)
  const same = await newPlan(client, options, context, earlier)
  assert.deepEqual(resultOf(same, 'MB026'), { outcome: 'clear', why: undefined, told: [] })
  stage.store.create({
    ...kinds.service,
    metadata: { name: 'web', namespace: 'shop' },
    spec: { ports: [{ port: 80 }] },
  })
  stage.store.delete({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    name: 'deny-admin',
    namespace: 'shop',
  })
  const drifted = await newPlan(client, options, context, earlier)
  assert.deepEqual(resultOf(drifted, 'MB026').told, [
    'blocker Service shop/web: It was added since the plan was made',
    'blocker AuthorizationPolicy shop/deny-admin: It was removed since the plan was made',
  ])
})

test('429 and 500 while reading delay a plan and a status, and fail neither', async (t) => {
  const stage = await staged(t)
  let faults = 0
  const every = (nth: number) => (one: SeenRequest) => {
    if (one.number % nth !== 0) return undefined
    faults += 1
    return one.number % (2 * nth) === 0
      ? ({ answer: 500 } as const)
      : ({ answer: 429, headers: { 'retry-after': '0' } } as const)
  }
  stage.faulty.inflict(every(4))
  const { context, stderr } = quietContext()
  const made = await newPlan(await stage.client(), options, context)
  assert.ok(faults > 5, `${faults} faults`)
  assert.equal(resultOf(made, 'MB022').outcome !== 'not-evaluated', true)
  assert.match(stderr(), /again in \d/)

  const before = faults
  stage.faulty.inflict(every(2))
  const shown = quietContext()
  assert.equal(await status({ kubeconfig: stage.faulty.kubeconfigPath }, shown.context), 0)
  assert.ok(faults > before)
  assert.match(shown.stdout(), /^shop /m)
})
