import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MemoryStore } from '../../cluster/api/memory-store.ts'
import { type Deployment, type DisruptionBudget, kinds, type Pod } from '../../cluster/kinds.ts'
import { MigrationError } from '../../migration/errors.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { Finding } from '../../migration/result/findings.ts'
import type { Call } from '../../migration/result/plan.ts'
import { labelStep, step } from '../support/migration-stage.ts'
import { apply, journalOf, optionsFor, rollback, staged } from '../support/staged-run.ts'

const shop = { ...kinds.namespace, name: 'shop' }

async function refusedWith(promise: Promise<unknown>, code: string, exitCode: number) {
  const error = await promise.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof MigrationError, String(error))
  assert.equal(error.code, code)
  assert.equal(error.exitCode, exitCode)
  return error
}

test('Ctrl-C between two calls leaves it resumable, and a rollback as well', async (t) => {
  const stage = await staged(t)
  const initial = stage.state()
  const stop = new AbortController()
  const stopped = await apply(stage, {
    signal: stop.signal,
    onEvent: (event) => {
      if (event.event === 'step-verified' && event.step.id === 'S7/shop') stop.abort()
    },
  })
  assert.equal(stopped.outcome, 'interrupted')
  assert.match(stopped.reason ?? '', /run apply again/)
  assert.equal((await journalOf(stage)).phase, 'resumable')
  assert.deepEqual(
    stopped.steps.filter(({ outcome }) => outcome === 'not-reached').map(({ id }) => id),
    ['S8/shop', 'S9/shop', 'S10/shop', 'S12/shop', 'S14'],
  )
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
  assert.deepEqual(stage.store.list(lease), [], 'the lease is given back')

  assert.equal((await apply(stage)).outcome, 'finished')
  const again = new AbortController()
  const halfway = await rollback(stage, {
    signal: again.signal,
    onEvent: (event) => {
      if (event.event === 'step-undone' && event.step.id === 'S10/shop') again.abort()
    },
  })
  assert.equal(halfway.outcome, 'interrupted')
  assert.equal((await journalOf(stage)).phase, 'rolling-back')
  await refusedWith(apply(stage), 'MIGRATION_ROLLING_BACK', 6)
  assert.equal((await rollback(stage)).outcome, 'rolled-back')
  assert.deepEqual(stage.state(), initial)
})

test('a pause is at a step, or at the last of a phase, and a typing error is refused', async (t) => {
  const stage = await staged(t)
  const paused = await apply(stage, { pauseAfter: 'S9' })
  assert.equal(paused.outcome, 'paused')
  assert.equal((await journalOf(stage)).pausedAfter, 'S9/shop')
  assert.equal(paused.steps.filter(({ outcome }) => outcome === 'verified').length, 6)
  const error = await refusedWith(apply(stage, { pauseAfter: 'S99' }), 'PLAN_NO_SUCH_STEP', 2)
  assert.match(error.hint, /S0, S5\/shop/)
  assert.equal((await apply(stage)).outcome, 'finished')
})

test('drift is refused before anything is done; later it may be accepted, but for our own', async (t) => {
  const stage = await staged(t)
  const before = stage.state()
  const drift = { changed: ['AuthorizationPolicy shop/deny-admin'], appeared: [], gone: [] }
  const error = await refusedWith(
    apply(stage, { readDrift: async () => drift }),
    'MIGRATION_DRIFT',
    6,
  )
  assert.match(error.message, /AuthorizationPolicy shop\/deny-admin \(changed\)/)
  assert.deepEqual(stage.state(), before)
  assert.equal((await journalOf(stage)).phase, 'new')

  assert.equal((await apply(stage, { pauseAfter: 'S9' })).outcome, 'paused')
  const ours = {
    changed: ['Namespace shop', 'AuthorizationPolicy shop/allow-web'],
    appeared: ['Gateway shop/waypoint', 'Deployment shop/waypoint', 'Service shop/waypoint'],
    gone: [],
  }
  const other = { ...ours, changed: [...ours.changed, 'Deployment shop/cart'] }
  await refusedWith(apply(stage, { readDrift: async () => other }), 'MIGRATION_DRIFT', 6)
  const more = { readDrift: async () => other, accept: ['MB026'], pauseAfter: 'S10/shop' }
  assert.equal((await apply(stage, more)).outcome, 'paused')
  assert.equal((await apply(stage, { readDrift: async () => ours })).outcome, 'finished')
})

test('blockers stop it unless they are accepted, and plans from files are for review', async (t) => {
  const stage = await staged(t)
  const client = await stage.client()
  const finding: Finding = {
    id: 'MB053',
    severity: 'blocker',
    resource: 'AuthorizationPolicy shop/ext-authz',
    reason: 'external authorization ends',
    remedy: 'move it to the waypoint',
    link: 'https://istio.io',
    acceptable: true,
  }
  const check = { id: 'MB053', title: 'CUSTOM', link: '', outcome: 'found', findings: [finding] }
  const blocked = { ...stage.plan(), checks: [{ ...check, outcome: 'found' as const }] }
  const error = await refusedWith(
    applyPlan(client, blocked, optionsFor(stage)),
    'MIGRATION_BLOCKED',
    6,
  )
  assert.match(error.hint, /^move it to the waypoint\. Or accept it: --accept MB053$/)
  const files = { ...stage.plan(), source: { from: 'files' as const, directory: 'x' } }
  await refusedWith(applyPlan(client, files, optionsFor(stage)), 'PLAN_FROM_FILES', 2)
  const accept = ['MB053=AuthorizationPolicy shop/ext-authz']
  const done = await applyPlan(client, blocked, optionsFor(stage, { accept }))
  assert.equal(done.outcome, 'finished')
})

test('a failed proof stops it at that step, with the pods that lack it', async (t) => {
  const stage = await staged(t)
  const initial = stage.state()
  const within = { namespace: 'shop', timeoutMs: 50 }
  const labels = stage.store.get(shop)?.metadata.labels ?? {}
  const turned = labelStep('S10/shop', labels, { 'istio.io/dataplane-mode': 'ambient' }, [
    { check: 'no-injection', ...within },
  ])
  const plan = stage.plan([step('S0', {}), turned, step('S14', {})])
  const failed = await applyPlan(await stage.client(), plan, optionsFor(stage))
  assert.equal(failed.outcome, 'failed')
  assert.match(failed.reason ?? '', /new pods would still get a sidecar: a pod/)
  assert.deepEqual(
    failed.steps.map(({ outcome }) => outcome),
    ['verified', 'failed', 'not-reached'],
  )
  const back = await applyPlan(
    await stage.client(),
    plan,
    optionsFor(stage, { rollbackOnFailure: true }),
  )
  assert.equal(back.outcome, 'rolled-back', back.reason)
  assert.deepEqual(stage.state(), initial)
})

test('pods that restart meanwhile fail the step and are named, in the proof too', async (t) => {
  const stage = await staged(t)
  const crash = (): void => {
    stage.store.mutateStatus<Pod>({ ...kinds.pod, name: 'cart-1', namespace: 'shop' }, (pod) => {
      const containerStatuses = pod.status?.containerStatuses?.map((one) => ({
        ...one,
        restartCount: 3,
      }))
      return { ...pod, status: { ...pod.status, ...(containerStatuses && { containerStatuses }) } }
    })
  }
  const failed = await apply(stage, {
    onEvent: (event) => {
      if (event.event === 'call' && event.step.id === 'S10/shop') crash()
    },
  })
  assert.equal(failed.outcome, 'failed')
  assert.match(failed.reason ?? '', /cart-1 container app was restarted 3 times/)
  assert.deepEqual(failed.pods, {
    before: 3,
    untouched: 2,
    converted: 0,
    others: [{ pod: 'shop/cart-1', what: 'container app was restarted 3 times' }],
  })
  // Whoever goes on has seen it.
  const done = await apply(stage)
  assert.equal(done.outcome, 'finished', done.reason)
  assert.equal(done.pods.others.length, 1)
})

test('a label that its owner changes during the migration stays as they want it', async (t) => {
  const stage = await staged(t)
  assert.equal((await apply(stage)).outcome, 'finished')
  stage.store.mutate(shop, (current) => ({
    ...current,
    metadata: {
      ...current.metadata,
      labels: { ...current.metadata.labels, 'istio.io/use-waypoint': 'their-own', team: 'other' },
    },
  }))
  const back = await rollback(stage)
  assert.equal(back.outcome, 'rolled-back')
  const { labels } = stage.store.get(shop)?.metadata ?? {}
  assert.deepEqual(labels, {
    'kubernetes.io/metadata.name': 'shop',
    'istio-injection': 'enabled',
    'istio.io/use-waypoint': 'their-own',
    team: 'other',
  })
  assert.match(
    back.steps.find(({ id }) => id === 'S9/shop')?.reason ?? '',
    /use-waypoint was changed meanwhile and is left/,
  )
})

test('a budget that never spares a pod stops a rolling restart before it begins', async (t) => {
  const stage = await staged(t)
  const ref = { ...kinds.deployment, name: 'cart', namespace: 'shop' }
  deploy(stage.store, 3)
  const restart: Call = {
    verb: 'patch',
    ref,
    patch: [{ op: 'add', path: '/spec/template/metadata/annotations', value: { restarted: '1' } }],
  }
  const plan = stage.plan([
    step('S11/shop/Deployment/cart', {
      calls: [restart],
      verify: [{ check: 'rolled-out', ref, timeoutMs: 20_000 }],
    }),
  ])
  const gate = { intervals: 1, intervalMs: 1, maxErrorRate: 0.01, leastRequests: 20 }
  const client = await stage.client()
  const failed = await applyPlan(client, plan, optionsFor(stage, { gate }))
  assert.equal(failed.outcome, 'failed')
  assert.match(
    failed.reason ?? '',
    /PodDisruptionBudget shop\/cart allows 0 disruptions now, .* takes 1 pod away at a time; all its pods are healthy, so it never will: scale the workload up/,
  )
  assert.equal((await journalOf(stage)).calls.length, 0)

  // One that is short for the moment is waited for.
  budget(stage.store, { currentHealthy: 2, desiredHealthy: 2, disruptionsAllowed: 0 })
  setTimeout(() => {
    budget(stage.store, { currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1 })
  }, 200)
  // Its controller, for want of one.
  const controller = stage.store.watch<Deployment>(kinds.deployment, {}, ({ object }) => {
    const { generation = 1 } = object.metadata
    if (generation > (object.status?.observedGeneration ?? 1)) {
      setImmediate(() => rolledOut(stage.store))
    }
  })
  t.after(() => controller.stop())
  const waits: string[] = []
  const done = await applyPlan(
    client,
    plan,
    optionsFor(stage, {
      gate,
      onEvent: (event) => {
        if (event.event === 'waiting') waits.push(event.text)
      },
    }),
  )
  assert.equal(done.outcome, 'finished', done.reason)
  assert.match(waits.join('\n'), /allows 0 disruptions now/)
  assert.match(done.steps[0]?.evidence.join() ?? '', /Deployment shop\/cart has rolled out: 3 pods/)
})

function deploy(store: MemoryStore, replicas: number): void {
  const labels = { app: 'checkout' }
  store.create<Deployment>({
    ...kinds.deployment,
    metadata: { name: 'cart', namespace: 'shop' },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'x' }] } },
    },
  })
  store.create<DisruptionBudget>({
    ...kinds.disruptionBudget,
    metadata: { name: 'cart', namespace: 'shop' },
    spec: { selector: { matchLabels: labels }, minAvailable: replicas },
  })
  budget(store, { currentHealthy: 3, desiredHealthy: 3, disruptionsAllowed: 0 })
}

function budget(store: MemoryStore, numbers: object): void {
  const ref = { ...kinds.disruptionBudget, name: 'cart', namespace: 'shop' }
  store.mutateStatus<DisruptionBudget>(ref, (found) => ({
    ...found,
    status: { observedGeneration: 1, expectedPods: 3, ...numbers } as NonNullable<
      DisruptionBudget['status']
    >,
  }))
}

function rolledOut(store: MemoryStore): void {
  store.mutateStatus<Deployment>(
    { ...kinds.deployment, name: 'cart', namespace: 'shop' },
    (one) => ({
      ...one,
      status: {
        observedGeneration: one.metadata.generation ?? 1,
        replicas: 3,
        updatedReplicas: 3,
        availableReplicas: 3,
      },
    }),
  )
}
