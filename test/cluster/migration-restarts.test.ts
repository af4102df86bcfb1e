import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Deployment, kinds, type Pod } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { serviceImage } from '../../workloads/images.ts'
import { answers } from '../fixtures/http-get.ts'
import { migrating } from '../fixtures/migrating.ts'
import { appObject, type RunningCore, serviceObject } from '../fixtures/running-core.ts'
import { hostOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'

const gate = { intervals: 2, intervalMs: 300, maxErrorRate: 0.01, leastRequests: 20 }

/** The caller keeps its sidecar, as one does whose own rollout is still to come. */
async function shopAndCallers(core: RunningCore): Promise<{ host: string; port: number }> {
  core.store.create(serviceObject('shop', 'target'))
  core.store.create(
    appObject('shop', 'target', { node: 'server', replicas: 2, image: serviceImage }),
  )
  core.store.create(appObject('shop', 'client', { node: 'client' }))
  await core.untilReady('shop', 'target', 2)
  const [client] = await core.untilReady('shop', 'client', 1)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const service = { host: hostOf(core, client), port: 80 }
  await answers(service.host, service.port)
  return service
}

const hasSidecar = ({ metadata }: Pod) =>
  metadata.annotations?.['sidecar.istio.io/status'] !== undefined

test('as in Istio: labels change no pod, restarts convert all, and both go back under load', async (t) => {
  const stage = await migrating(t, { istioSemantics: true })
  const { core, client } = stage
  const service = await shopAndCallers(core)
  core.store.create({
    ...kinds.disruptionBudget,
    metadata: { name: 'target', namespace: 'shop' },
    spec: { selector: { matchLabels: { app: 'target' } }, maxUnavailable: 1 },
  })
  const uids = () => core.pods('shop', 'target').map(({ metadata }) => metadata.uid)
  const before = uids()
  const load = new SteadyLoad(service)
  t.after(() => load.stop())
  await load.more(150)

  const whole = await stage.plan({ restartWorkloads: true })
  // Its pod is where the load comes from.
  const steps = whole.steps.filter(({ id }) => id !== 'S11/shop/Deployment/client')
  assert.equal(steps.length, whole.steps.length - 1)
  const plan = { ...whole, steps }
  const options = { journalDirectory: stage.journals, readDrift: () => stage.drift(plan), gate }
  const paused = await applyPlan(client, plan, { ...options, pauseAfter: 'S10' })
  assert.equal(paused.outcome, 'paused', paused.reason)
  assert.deepEqual(paused.pods, { before: 3, untouched: 3, converted: 0, others: [] })
  const told = paused.steps.find(({ id }) => id === 'S10/shop')?.evidence.join('\n') ?? ''
  assert.match(told, /3 pods keep their sidecar until something recreates them/)
  assert.deepEqual(uids(), before)
  assert.ok(core.pods('shop').every(hasSidecar))

  const done = await applyPlan(client, plan, options)
  assert.equal(done.outcome, 'finished', done.reason)
  assert.deepEqual(done.pods, { before: 3, untouched: 1, converted: 2, others: [] })
  const converted = core
    .pods('shop', 'target')
    .filter(({ metadata }) => !metadata.deletionTimestamp)
  assert.equal(converted.length, 2)
  assert.ok(!converted.some(hasSidecar))
  const proof = done.steps.find(({ id }) => id.startsWith('S11'))?.evidence ?? []
  assert.match(
    proof.join('\n'),
    /Deployment shop\/target has rolled out: 2 pods updated and available/,
  )
  assert.match(
    proof.join('\n'),
    /Deployment target stayed ready for 0\.6 s: 0 of \d+ requests failed/,
  )

  const back = await rollbackMigration(client, join(stage.journals, plan.id))
  assert.equal(back.outcome, 'rolled-back', back.reason)
  const again = core.pods('shop', 'target').filter(({ metadata }) => !metadata.deletionTimestamp)
  assert.equal(again.length, 2)
  assert.ok(again.every(hasSidecar), 'they have their sidecars again')
  const deployment = core.store.get<Deployment>({
    ...kinds.deployment,
    name: 'target',
    namespace: 'shop',
  })
  assert.deepEqual(deployment?.spec.template.metadata, { labels: { app: 'target' } })
  await load.more(150)
  const { failures } = await load.stop()
  assert.deepEqual(failures, [])
})
