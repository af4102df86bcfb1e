import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { ApplyOptions } from '../../migration/execute/run.ts'
import type { PlanOptions } from '../../migration/plan/intent.ts'
import type { Plan } from '../../migration/result/plan.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { type Migrating, migrating } from '../fixtures/migrating.ts'
import { serviceObject } from '../fixtures/running-core.ts'
import { clientAndTarget } from '../fixtures/shop.ts'

const canary = 'meshbench.io/canary'

interface Probing extends Migrating {
  readonly plan: (options?: Partial<PlanOptions>) => Promise<Plan>
  apply(plan: Plan, options?: Partial<ApplyOptions>): ReturnType<typeof applyPlan>
  canaries(): readonly Pod[]
  /** Of the journal, by what each is. */
  entries(plan: Plan): Promise<readonly string[]>
}

async function probing(t: TestContext, semantics = {}): Promise<Probing> {
  const stage = await migrating(t, semantics)
  const { core, client, journals } = stage
  await clientAndTarget(core)
  await core.untilReady('istio-system', 'ztunnel', 2)
  return {
    ...stage,
    plan: (options) => stage.plan({ probe: true, ...options }),
    apply: (plan, options) =>
      applyPlan(client, plan, {
        journalDirectory: journals,
        readDrift: () => stage.drift(plan),
        ...options,
      }),
    canaries: () => core.store.list<Pod>(kinds.pod, { labelSelector: canary }),
    entries: async (plan) => {
      const text = await readFile(join(journals, plan.id, 'journal.jsonl'), 'utf8')
      return text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { entry: string }).entry)
    },
  }
}

const probeOf = (plan: Plan) =>
  plan.steps.flatMap(({ verify }) => verify).find(({ check }) => check === 'probe')

test('a canary calls each captured service, and the log of a ztunnel has that very call', async (t) => {
  const stage = await probing(t)
  const { core } = stage
  core.store.create(serviceObject('shop', 'ghost'))
  core.store.create({
    ...kinds.service,
    metadata: { name: 'raw', namespace: 'shop' },
    spec: { selector: { app: 'target' }, ports: [{ port: 90, targetPort: 8080 }] },
  })
  const plan = await stage.plan()
  const { image, namespace } = probeOf(plan) ?? {}
  assert.deepEqual({ image, namespace }, { image: 'meshbench/canary', namespace: 'shop' })
  const seen: Pod[] = []
  const watch = core.store.watch<Pod>(kinds.pod, { labelSelector: canary }, ({ object }) =>
    seen.push(object as Pod),
  )
  t.after(() => watch.stop())

  const done = await stage.apply(plan, { verifyTimeoutScale: 0.2 })
  assert.equal(done.outcome, 'finished', done.reason)
  const told = done.steps.find(({ id }) => id === 'S10/shop')?.evidence.join('\n') ?? ''
  const proof = /through HBONE, from spiffe:\/\/cluster\.local\/ns\/shop\/sa\/default/.source
  assert.match(
    told,
    new RegExp(
      `shop/target answered 200 to the canary: ztunnel-\\S+ logged it to [\\d.]+:8080 ${proof}`,
    ),
  )
  assert.match(
    told,
    new RegExp(`shop/raw accepted the canary: ztunnel-\\S+ logged it to [\\d.]+:8080 ${proof}`),
  )
  assert.doesNotMatch(told, /ghost/)
  assert.deepEqual(done.pods, { before: 2, untouched: 2, converted: 0, others: [] })
  const [first] = seen
  assert.match(first?.metadata.name ?? '', /^meshbench-canary-[0-9a-f]{8}$/)
  assert.equal(first?.metadata.labels?.['meshbench.io/migration'], plan.id)
  assert.equal(new Set(seen.map(({ metadata }) => metadata.uid)).size, 1)
  assert.deepEqual(stage.canaries(), [])
  const entries = await stage.entries(plan)
  assert.equal(
    entries.filter((entry) => entry.startsWith('canary')).join(),
    'canary,canary-removed',
  )
})

test('a service that does not answer fails the step, and the canary goes', async (t) => {
  const stage = await probing(t)
  stage.core.store.create({
    ...kinds.service,
    metadata: { name: 'dead', namespace: 'shop' },
    spec: {
      selector: { app: 'target' },
      ports: [{ name: 'http', port: 80, targetPort: 9999 }],
    },
  })
  const plan = await stage.plan()
  const done = await stage.apply(plan, { verifyTimeoutScale: 0.05, rollbackOnFailure: true })
  assert.equal(done.outcome, 'rolled-back')
  assert.match(done.reason ?? '', /shop\/dead does not answer the canary: .+ \(after 6 s\)/)
  assert.deepEqual(stage.canaries(), [])
  assert.equal(
    stage.core.store.get({ ...kinds.namespace, name: 'shop' })?.metadata.labels?.[
      'istio-injection'
    ],
    'enabled',
  )
})

test('a canary that never starts fails the step in the words of the kubelet, and goes', async (t) => {
  const stage = await probing(t)
  const plan = await stage.plan({ probeImage: 'nobody/has-it' })
  const done = await stage.apply(plan, { verifyTimeoutScale: 0.03 })
  assert.equal(done.outcome, 'failed')
  assert.match(
    done.reason ?? '',
    /canary shop\/meshbench-canary-\w+ is not running yet: ErrImageNeverPull, .*nobody\/has-it/,
  )
  assert.deepEqual(stage.canaries(), [])
})

test('Ctrl-C takes the canary along', async (t) => {
  const stage = await probing(t)
  const plan = await stage.plan({ probeImage: 'nobody/has-it' })
  const stop = new AbortController()
  const stopped = await stage.apply(plan, {
    signal: stop.signal,
    onEvent: (event) => {
      if (event.event === 'waiting' && event.text.startsWith('canary')) stop.abort()
    },
  })
  assert.equal(stopped.outcome, 'interrupted')
  assert.deepEqual(stage.canaries(), [])
  assert.equal((await stage.entries(plan)).at(-1), 'canary-removed')
})

test('after kill -9 the next apply or rollback takes the canary away', async (t) => {
  const stage = await probing(t)
  const { core, kubeconfigPath, journals, client } = stage
  const plan = await stage.plan()
  const planPath = join(journals, '..', 'plan.json')
  await writeFile(planPath, JSON.stringify(plan))
  const script = join(import.meta.dirname, '..', 'support', 'apply-child.js')
  const dieWithCanary = async (): Promise<string> => {
    const child = fork(script, [kubeconfigPath, journals, planPath])
    const exited = once(child, 'exit')
    const left = await core.until('a canary', kinds.pod, () => stage.canaries()[0])
    child.kill('SIGKILL')
    assert.deepEqual((await exited)[1], 'SIGKILL')
    return left.metadata.name
  }

  const first = await dieWithCanary()
  assert.deepEqual(
    stage.canaries().map(({ metadata }) => metadata.name),
    [first],
  )
  const done = await stage.apply(plan)
  assert.equal(done.outcome, 'finished', done.reason)
  assert.deepEqual(stage.canaries(), [])

  const folder = join(journals, plan.id)
  assert.equal((await rollbackMigration(client, folder)).outcome, 'rolled-back')
  await dieWithCanary()
  assert.equal((await rollbackMigration(client, folder)).outcome, 'rolled-back')
  assert.deepEqual(stage.canaries(), [])
})

test('what keeps its sidecar is not called; once converted it is', async (t) => {
  const stage = await probing(t, { istioSemantics: true })
  const plan = await stage.plan({ restartWorkloads: true })
  const gate = { intervals: 1, intervalMs: 100, maxErrorRate: 0.01, leastRequests: 20 }
  const done = await stage.apply(plan, { gate })
  assert.equal(done.outcome, 'finished', done.reason)
  const told = (id: string) => done.steps.find((step) => step.id === id)?.evidence.join('\n') ?? ''
  assert.match(
    told('S10/shop'),
    /no service of shop leads to captured pods only, so none was called/,
  )
  assert.match(told('S11/shop/Deployment/target'), /shop\/target answered 200 to the canary/)
  assert.match(told('S11/shop/Deployment/client'), /no service of shop leads to captured pods only/)
  assert.deepEqual(stage.canaries(), [])
})

test('behind a waypoint, and where a policy refuses it, the canary is seen as well', async (t) => {
  const stage = await probing(t)
  const plan = await stage.plan({ waypoint: 'always' })
  const done = await stage.apply(plan)
  assert.equal(done.outcome, 'finished', done.reason)
  const flip = done.steps.find(({ id }) => id === 'S10/shop')?.evidence.join('\n') ?? ''
  assert.match(flip, /shop\/target answered 200 to the canary by way of its waypoint: ztunnel-/)
  assert.deepEqual(stage.canaries(), [])
})

test('a canary that a policy refuses proves that its service is captured', async (t) => {
  const stage = await probing(t)
  stage.core.store.create({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'ops-only', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'target' } },
      action: 'ALLOW',
      rules: [{ from: [{ source: { namespaces: ['ops'] } }] }],
    },
  })
  const plan = await stage.plan()
  const done = await stage.apply(plan)
  assert.equal(done.outcome, 'finished', done.reason)
  const flip = done.steps.find(({ id }) => id === 'S10/shop')?.evidence.join('\n') ?? ''
  assert.match(flip, /refused the canary at shop\/target by policy, as spiffe:\/\/cluster\.local\//)
})
