import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { serviceImage } from '../../workloads/images.ts'
import { answers } from '../fixtures/http-get.ts'
import { migrating } from '../fixtures/migrating.ts'
import { appObject, isReady, type RunningCore, serviceObject } from '../fixtures/running-core.ts'
import { hostOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'

const gate = { intervals: 2, intervalMs: 300, maxErrorRate: 0.01, leastRequests: 5 }
const apps = ['agent', 'store'] as const

/** Two pods of a DaemonSet, two of a StatefulSet, a budget over each, and a caller that stays. */
async function setsAndCaller(core: RunningCore) {
  for (const name of apps) {
    const { spec } = appObject('shop', name, { replicas: 2, image: serviceImage, probe: true })
    const { replicas, ...others } = spec
    const place = { name, namespace: 'shop' }
    core.store.create(serviceObject('shop', name))
    core.store.create(
      name === 'agent'
        ? { ...kinds.daemonSet, metadata: place, spec: others }
        : {
            ...kinds.statefulSet,
            metadata: place,
            spec: { ...others, replicas, serviceName: name },
          },
    )
    core.store.create({
      ...kinds.disruptionBudget,
      metadata: place,
      spec: { selector: { matchLabels: { app: name } }, maxUnavailable: 1 },
    })
  }
  core.store.create(appObject('shop', 'client', { node: 'client' }))
  for (const name of apps) await core.untilReady('shop', name, 2)
  const [client] = await core.untilReady('shop', 'client', 1)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const services = apps.map((name) => ({ host: hostOf(core, client, name), port: 80 }))
  for (const { host, port } of services) await answers(host, port)
  return services
}

const hasSidecar = ({ metadata }: Pod) =>
  metadata.annotations?.['sidecar.istio.io/status'] !== undefined
const isStaying = ({ metadata }: Pod) => metadata.deletionTimestamp === undefined

/** At every change of a pod: how few of each set served, and whether both had to do without one. */
function watchAvailability(core: RunningCore) {
  const fewest = new Map<string, number>()
  let bothAtOnce = 0
  const watch = core.store.watch<Pod>(kinds.pod, { namespace: 'shop' }, () => {
    const serving = apps.map(
      (name) => core.pods('shop', name).filter((pod) => isStaying(pod) && isReady(pod)).length,
    )
    if (serving.every((count) => count < 2)) bothAtOnce += 1
    apps.forEach((name, index) => {
      fewest.set(name, Math.min(fewest.get(name) ?? 2, serving[index] ?? 0))
    })
  })
  return { fewest, stop: () => watch.stop(), bothAtOnce: () => bothAtOnce }
}

test('a StatefulSet and a DaemonSet convert under load, one at a time and within their budgets', async (t) => {
  const stage = await migrating(t, { istioSemantics: true })
  const { core, client } = stage
  const services = await setsAndCaller(core)
  // 120 requests/s in all: a machine that others use as well has to carry it, or callers wait in
  // vain before anything has moved, and the gate is right to stop.
  const rates = { keptPerSecond: 30, freshPerSecond: 30 }
  const loads = services.map((service) => new SteadyLoad(service, rates))
  t.after(() => Promise.all(loads.map((load) => load.stop())))
  const more = (count: number) => Promise.all(loads.map((load) => load.more(count)))
  await more(150)
  const failedBefore = loads.map(({ failed }) => failed)
  assert.deepEqual(failedBefore, [0, 0], 'the machine carries the load')

  const whole = await stage.plan({ restartWorkloads: true })
  // Its pod is where the load comes from.
  const steps = whole.steps.filter(({ id }) => id !== 'S11/shop/Deployment/client')
  const plan = { ...whole, steps }
  assert.deepEqual(
    steps.filter(({ phase }) => phase === 'S11').map(({ id }) => id),
    ['S11/shop/DaemonSet/agent', 'S11/shop/StatefulSet/store'],
  )
  const seen = watchAvailability(core)
  t.after(() => seen.stop())
  const done = await applyPlan(client, plan, {
    journalDirectory: stage.journals,
    readDrift: () => stage.drift(plan),
    gate,
  })
  assert.equal(done.outcome, 'finished', done.reason)
  assert.deepEqual(done.pods, { before: 5, untouched: 1, converted: 4, others: [] })
  for (const [step, title] of [
    ['S11/shop/DaemonSet/agent', 'DaemonSet agent'],
    ['S11/shop/StatefulSet/store', 'StatefulSet store'],
  ] as const) {
    const told = done.steps.find(({ id }) => id === step)?.evidence.join('\n') ?? ''
    const named = title.replace(' ', ' shop/')
    assert.match(told, new RegExp(`${named} has rolled out: 2 pods updated and available`))
    assert.match(told, new RegExp(`${named}: 2 pods without a sidecar, redirection enabled`))
    assert.match(told, new RegExp(`${title} stayed ready for 0\\.6 s: 0 of \\d+ requests failed`))
  }
  for (const name of apps) {
    const now = core.pods('shop', name).filter(isStaying)
    assert.equal(now.length, 2)
    assert.ok(!now.some(hasSidecar), name)
  }
  assert.deepEqual(Object.fromEntries(seen.fewest), { agent: 1, store: 1 })
  assert.equal(seen.bothAtOnce(), 0, 'one workload at a time')

  const back = await rollbackMigration(client, join(stage.journals, plan.id))
  assert.equal(back.outcome, 'rolled-back', back.reason)
  for (const name of apps) {
    const now = core.pods('shop', name).filter(isStaying)
    assert.equal(now.length, 2)
    assert.ok(now.every(hasSidecar), name)
  }
  assert.deepEqual(Object.fromEntries(seen.fewest), { agent: 1, store: 1 })
  assert.equal(seen.bothAtOnce(), 0, 'one workload at a time, on the way back too')
  await more(150)
  for (const load of loads) assert.deepEqual((await load.stop()).failures, [])
})
