import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evictPod } from '../../cluster/api/eviction.ts'
import { createStore, type MemoryStore } from '../../cluster/api/memory-store.ts'
import { startControllers } from '../../cluster/controllers/index.ts'
import { createView } from '../../cluster/controllers/view.ts'
import {
  type ControllerRevision,
  type Deployment,
  type DisruptionBudget,
  type Job,
  kinds,
  type Pod,
  type PodStatus,
  type ReplicaSet,
  type StatefulSet,
} from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'

// Controllers without nodes: the tests say what becomes of the pods.
function controlled(t: { after(run: () => Promise<void>): void }): MemoryStore {
  const onError = (error: unknown): void => assert.fail(String(error))
  const store = createStore({ onWatcherError: onError })
  const view = createView(store)
  const controllers = startControllers({ store, view, onError })
  t.after(async () => {
    await controllers.stop()
    view.stop()
  })
  return store
}

const template = {
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'app', image: 'x' }] },
}
const workload = { selector: { matchLabels: { app: 'a' } }, template }
const metadata = { name: 'a', namespace: 'default' }

/** Controllers work in turns of the event loop, each after what the last one wrote. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

const podsOf = (store: MemoryStore) =>
  store.list<Pod>(kinds.pod).map(({ metadata: { name, deletionTimestamp } }) => {
    return deletionTimestamp === undefined ? name : `${name} (leaving)`
  })

function report(store: MemoryStore, name: string, status: PodStatus): void {
  store.mutateStatus<Pod>({ ...kinds.pod, name, namespace: 'default' }, (pod) => ({
    ...pod,
    status: { ...pod.status, ...status },
  }))
}

const READY: PodStatus = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }

async function readyAll(store: MemoryStore): Promise<void> {
  for (const { metadata: pod } of store.list<Pod>(kinds.pod)) report(store, pod.name, READY)
  await settle()
}

const reasons = (store: MemoryStore) =>
  store.list<KubeObject>(kinds.event).map(({ reason }) => String(reason))

test('a stateful set starts its pods in order and each only when the last is ready', async (t) => {
  const store = controlled(t)
  store.create<StatefulSet>({ ...kinds.statefulSet, metadata, spec: { ...workload, replicas: 3 } })
  await settle()
  assert.deepEqual(podsOf(store), ['a-0'])
  await readyAll(store)
  assert.deepEqual(podsOf(store), ['a-0', 'a-1'])
  await readyAll(store)
  await readyAll(store)
  assert.deepEqual(podsOf(store), ['a-0', 'a-1', 'a-2'])
  const ref = { ...kinds.statefulSet, ...metadata }
  store.mutate<StatefulSet>(ref, (set) => ({ ...set, spec: { ...set.spec, replicas: 1 } }))
  await settle()
  assert.deepEqual(podsOf(store), ['a-0'], 'pods without a node are gone at once')
  assert.equal(store.get<StatefulSet>(ref)?.status?.readyReplicas, 1)
})

test('a stateful set replaces its pods from the last to the first', async (t) => {
  const store = controlled(t)
  const ref = { ...kinds.statefulSet, ...metadata }
  store.create<StatefulSet>({ ...kinds.statefulSet, metadata, spec: { ...workload, replicas: 2 } })
  for (let round = 0; round < 3; round += 1) await readyAll(store)
  const before = store.list<Pod>(kinds.pod).map((pod) => pod.metadata.uid)
  store.mutate<StatefulSet>(ref, (set) => {
    const annotations = { restarted: 'yes' }
    const changed = { ...template, metadata: { ...template.metadata, annotations } }
    return { ...set, spec: { ...set.spec, template: changed } }
  })
  await settle()
  const uids = () => store.list<Pod>(kinds.pod).map((pod) => pod.metadata.uid)
  assert.equal(uids()[0], before[0], 'the first waits until the last is ready again')
  assert.notEqual(uids()[1], before[1])
  await readyAll(store)
  assert.notEqual(uids()[0], before[0])
  await readyAll(store)
  const { currentRevision, updateRevision, updatedReplicas } =
    store.get<StatefulSet>(ref)?.status ?? {}
  assert.deepEqual([currentRevision === updateRevision, updatedReplicas], [true, 2])
})

test('a job runs pods until enough of them have ended well', async (t) => {
  const store = controlled(t)
  const spec = { ...template.spec, restartPolicy: 'Never' } as const
  store.create<Job>({
    ...kinds.job,
    metadata,
    spec: { completions: 3, parallelism: 2, template: { spec } },
  })
  await settle()
  const running = () => store.list<Pod>(kinds.pod).filter((pod) => pod.status?.phase === 'Pending')
  assert.equal(running().length, 2)
  for (const { metadata: pod } of running()) report(store, pod.name, { phase: 'Succeeded' })
  await settle()
  assert.equal(running().length, 1)
  for (const { metadata: pod } of running()) report(store, pod.name, { phase: 'Succeeded' })
  await settle()
  const { status } = store.get<Job>({ ...kinds.job, ...metadata }) ?? {}
  assert.deepEqual(
    [status?.succeeded, status?.active, status?.conditions?.[0]?.type],
    [3, 0, 'Complete'],
  )
  assert.equal(running().length, 0)
  assert.equal(reasons(store).filter((reason) => reason === 'Completed').length, 1)
})

test('a job gives up after too many failures', async (t) => {
  const store = controlled(t)
  const spec = { ...template.spec, restartPolicy: 'Never' } as const
  store.create<Job>({ ...kinds.job, metadata, spec: { backoffLimit: 0, template: { spec } } })
  await settle()
  const [pod] = store.list<Pod>(kinds.pod)
  report(store, pod?.metadata.name ?? '', { phase: 'Failed' })
  await settle()
  const { status } = store.get<Job>({ ...kinds.job, ...metadata }) ?? {}
  assert.deepEqual(
    [status?.conditions?.[0]?.type, status?.conditions?.[0]?.reason, status?.failed],
    ['Failed', 'BackoffLimitExceeded', 1],
  )
  assert.equal(store.list<Pod>(kinds.pod).length, 1)
})

test('a job has a deadline, and goes some time after its end when it says so', async (t) => {
  const store = controlled(t)
  const spec = { ...template.spec, restartPolicy: 'Never' } as const
  store.create<Job>({
    ...kinds.job,
    metadata,
    spec: { activeDeadlineSeconds: 1, ttlSecondsAfterFinished: 1, template: { spec } },
  })
  const ref = { ...kinds.job, ...metadata }
  const until = (what: string, holds: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), 20_000)
      const watch = store.watch(kinds.job, {}, () =>
        setImmediate(() => {
          if (!holds()) return
          clearTimeout(deadline)
          watch.stop()
          resolve()
        }),
      )
    })
  await until('its failure', () => {
    const [condition] = store.get<Job>(ref)?.status?.conditions ?? []
    return condition?.reason === 'DeadlineExceeded'
  })
  assert.equal(store.list<Pod>(kinds.pod).length, 0)
  await until('its end', () => store.get<Job>(ref) === undefined)
})

for (const kind of [kinds.daemonSet, kinds.statefulSet]) {
  test(`a ${kind.kind} keeps its templates, and one that comes back is the newest`, async (t) => {
    const store = controlled(t)
    const ref = { ...kind, ...metadata }
    const image = (name: string): void => {
      store.mutate<StatefulSet>(ref, (set) => {
        const containers = [{ name: 'app', image: name }]
        return { ...set, spec: { ...set.spec, template: { ...template, spec: { containers } } } }
      })
    }
    const revisions = () =>
      store
        .list<ControllerRevision>(kinds.controllerRevision)
        .sort((a, b) => a.revision - b.revision)
        .map(({ revision, data }) => [revision, imageOf(data)])
    const imageOf = (data: unknown) =>
      (data as { spec: StatefulSet['spec'] }).spec.template.spec.containers[0]?.image
    store.create({ ...kind, metadata, spec: { ...workload, revisionHistoryLimit: 1 } })
    await settle()
    assert.deepEqual(revisions(), [[1, 'x']])
    image('y')
    await settle()
    assert.deepEqual(revisions(), [
      [1, 'x'],
      [2, 'y'],
    ])
    image('x')
    await settle()
    assert.deepEqual(revisions(), [
      [2, 'y'],
      [3, 'x'],
    ])
    store.delete(ref)
    await settle()
    assert.deepEqual(revisions(), [], 'they go with their owner')
  })
}

test('a budget lets go one pod at a time and no more than it can spare', async (t) => {
  const store = controlled(t)
  const ref = { ...kinds.disruptionBudget, ...metadata }
  store.create<Deployment>({ ...kinds.deployment, metadata, spec: { ...workload, replicas: 3 } })
  store.create<DisruptionBudget>({
    ...kinds.disruptionBudget,
    metadata,
    spec: { selector: { matchLabels: { app: 'a' } }, maxUnavailable: 1 },
  })
  await settle()
  await readyAll(store)
  const status = () => store.get<DisruptionBudget>(ref)?.status
  assert.deepEqual(
    [status()?.expectedPods, status()?.currentHealthy, status()?.disruptionsAllowed],
    [3, 3, 1],
  )
  const [first, second] = store.list<Pod>(kinds.pod)
  assert.ok(first && second)
  const evict = (pod: Pod, deleteOptions = {}, dryRun = false) =>
    evictPod(store, pod, { metadata: { name: pod.metadata.name }, deleteOptions }, dryRun)
  evict(first, { dryRun: ['All'] })
  evict(first, {}, true)
  assert.ok(store.get({ ...kinds.pod, ...first.metadata }))
  assert.throws(() => evictPod(store, first, { metadata: { name: 'another' } }, false), {
    reason: 'BadRequest',
  })
  evict(first)
  assert.throws(() => evict(second), { reason: 'TooManyRequests', status: 429 })
  await settle()
  assert.equal(status()?.disruptionsAllowed, 0, 'the pod that replaces it is not ready yet')

  const [third] = store
    .list<Pod>(kinds.pod)
    .filter(({ metadata: { uid } }) => ![first, second].some((one) => one.metadata.uid === uid))
    .filter(({ status: own }) => own?.phase === 'Pending')
  assert.ok(third)
  const running = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] }
  const unready = store.updateStatus({ ...third, status: running } as Pod)
  await settle()
  evict(unready)
  assert.equal(status()?.currentHealthy, 2, 'it was none of those that the budget counts on')
  await settle()
  await readyAll(store)
  assert.equal(status()?.disruptionsAllowed, 1)
  evict(second)
})

test('a template that comes back is the newest revision, and a paused one waits', async (t) => {
  const store = controlled(t)
  const ref = { ...kinds.deployment, ...metadata }
  store.create<Deployment>({ ...kinds.deployment, metadata, spec: { ...workload, replicas: 1 } })
  await settle()
  await readyAll(store)
  const change = async (spec: object) => {
    store.mutate<Deployment>(ref, (found) => ({ ...found, spec: { ...found.spec, ...spec } }))
    await settle()
    await readyAll(store)
    await readyAll(store)
  }
  const other = { ...template, metadata: { labels: { app: 'a', version: '2' } } }
  const revisions = () =>
    store
      .list<ReplicaSet>(kinds.replicaSet)
      .map((set) => set.metadata.annotations?.['deployment.kubernetes.io/revision'])
      .toSorted()
  await change({ template: other })
  assert.deepEqual(revisions(), ['1', '2'])
  // The same template with its members in another order is the same template.
  await change({ template: { spec: template.spec, metadata: template.metadata } })
  assert.deepEqual(revisions(), ['2', '3'])
  await change({ paused: true, template: { ...other, metadata: { labels: { app: 'a', v: '3' } } } })
  assert.deepEqual(revisions(), ['2', '3'])
  await change({ paused: false })
  assert.deepEqual(revisions(), ['2', '3', '4'])
})

test('a pod tells its story in events, and what repeats is counted', async (t) => {
  const store = controlled(t)
  const pod = store.create<Pod>({ ...kinds.pod, metadata, spec: template.spec })
  await settle()
  const running = (restartCount: number, ready: boolean): PodStatus => ({
    phase: 'Running',
    containerStatuses: [
      {
        name: 'app',
        image: 'x',
        imageID: 'x',
        ready,
        started: true,
        restartCount,
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
        lastState: {},
      },
    ],
  })
  for (const [restarts, ready] of [
    [0, true],
    [0, false],
    [0, true],
    [0, false],
  ] as const) {
    report(store, pod.metadata.name, running(restarts, ready))
    await settle()
  }
  const events = store.list<KubeObject>(kinds.event)
  const counts = Object.fromEntries(events.map(({ reason, count }) => [String(reason), count]))
  assert.deepEqual(counts, { FailedScheduling: 1, Pulled: 1, Created: 1, Started: 1, Unhealthy: 2 })
  const unhealthy = events.find(({ reason }) => reason === 'Unhealthy')
  assert.deepEqual(
    [unhealthy?.type, Object(unhealthy?.involvedObject).fieldPath],
    ['Warning', 'spec.containers{app}'],
  )
})
