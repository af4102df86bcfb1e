import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from '../../cluster/api/memory-store.ts'
import type { StoreEvent } from '../../cluster/api/store.ts'
import { ClusterError } from '../../cluster/errors.ts'
import type { Condition, KubeObject } from '../../cluster/objects.ts'

const POD = { apiVersion: 'v1', kind: 'Pod' }
const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' }

function configMap(name: string, data: Record<string, string> = {}, labels = {}): KubeObject {
  return { ...CONFIG_MAP, metadata: { name, namespace: 'default', labels }, data }
}

function pod(name: string, more: Partial<KubeObject['metadata']> = {}, spec = {}): KubeObject {
  const containers = [{ name: 'app', image: 'service' }]
  return {
    ...POD,
    metadata: { name, namespace: 'default', ...more },
    spec: { containers, ...spec },
  }
}

const refOf = (object: KubeObject) => ({
  apiVersion: object.apiVersion,
  kind: object.kind,
  name: object.metadata.name,
  ...(object.metadata.namespace && { namespace: object.metadata.namespace }),
})

function failure(act: () => unknown): ClusterError {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof ClusterError, String(error))
    return error
  }
  return assert.fail('nothing was thrown')
}

test('create fills in uid, time, version and generation, and refuses a second of the name', () => {
  const store = createStore({ now: () => new Date('2026-01-02T03:04:05.678Z') })
  const made = store.create(pod('a'))
  assert.match(made.metadata.uid ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(made.metadata.creationTimestamp, '2026-01-02T03:04:05Z')
  assert.equal(made.metadata.generation, 1)
  assert.equal(made.metadata.resourceVersion, store.resourceVersion)
  assert.deepEqual(made.status, { phase: 'Pending', qosClass: 'BestEffort' })
  const error = failure(() => store.create(pod('a')))
  assert.deepEqual(
    [error.status, error.reason, error.message],
    [409, 'AlreadyExists', 'pods "a" already exists'],
  )
})

test('an update against a stale version conflicts, one without a version overwrites', () => {
  const store = createStore()
  const first = store.create(configMap('c', { n: '1' }))
  store.update({ ...first, data: { n: '2' } })
  const error = failure(() => store.update({ ...first, data: { n: '3' } }))
  assert.deepEqual([error.status, error.reason], [409, 'Conflict'])
  store.update(configMap('c', { n: '4' }))
  assert.deepEqual(store.get(refOf(first))?.data, { n: '4' })
})

test('writing what is stored already makes neither a version nor an event', () => {
  const store = createStore()
  const made = store.create(configMap('c'))
  const events: StoreEvent[] = []
  store.watch(CONFIG_MAP, {}, (event) => events.push(event))
  assert.equal(store.update(made).metadata.resourceVersion, made.metadata.resourceVersion)
  assert.equal(events.length, 1)
})

test('generation counts changes of the specification, not of labels or status', () => {
  const store = createStore()
  const made = store.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'd' } },
      template: {
        metadata: { labels: { app: 'd' } },
        spec: { containers: [{ name: 'c', image: 'meshbench/service' }] },
      },
    },
  })
  const ref = refOf(made)
  store.mutate(ref, (now) => ({ ...now, metadata: { ...now.metadata, labels: { a: 'b' } } }))
  store.mutateStatus(ref, (now) => ({ ...now, status: { replicas: 1 }, spec: { replicas: 9 } }))
  assert.equal(store.get(ref)?.metadata.generation, 1)
  store.mutate(ref, (now) => ({ ...now, spec: { ...(now.spec as object), replicas: 2 } }))
  const now = store.get(ref)
  assert.deepEqual([now?.metadata.generation, now?.status], [2, { replicas: 1 }])
})

test('callers own what they are given', () => {
  const store = createStore()
  const made = store.create(configMap('c', { n: '1' }))
  made.data = { n: 'changed' }
  const read = store.get(refOf(made))
  assert.deepEqual(read?.data, { n: '1' })
})

test('watchers see every write in order, also those made by watchers', () => {
  const store = createStore()
  const seen: string[] = []
  store.watch(CONFIG_MAP, {}, ({ type, object }) => {
    if (type === 'ADDED' && object.metadata.name === 'a') store.create(configMap('b'))
  })
  store.watch(CONFIG_MAP, {}, ({ type, object }) => seen.push(`${type} ${object.metadata.name}`))
  store.create(configMap('a'))
  store.delete(refOf(configMap('a')))
  assert.deepEqual(seen, ['ADDED a', 'ADDED b', 'DELETED a'])
})

test('a watcher that throws does not stop the others', () => {
  const thrown: unknown[] = []
  const store = createStore({ onWatcherError: (error) => thrown.push(error) })
  const seen: string[] = []
  store.watch(CONFIG_MAP, {}, () => {
    throw new Error('boom')
  })
  store.watch(CONFIG_MAP, {}, ({ object }) => seen.push(object.metadata.name))
  store.create(configMap('a'))
  assert.deepEqual([seen, thrown.length], [['a'], 1])
})

test('an object enters and leaves a selected watch with its labels', () => {
  const store = createStore()
  const seen: string[] = []
  store.watch(CONFIG_MAP, { labelSelector: 'mesh=on' }, ({ type }) => seen.push(type))
  store.create(configMap('a', {}, { mesh: 'off' }))
  store.update(configMap('a', {}, { mesh: 'on' }))
  store.update(configMap('a', { n: '1' }, { mesh: 'on' }))
  store.update(configMap('a', {}, {}))
  store.delete(refOf(configMap('a')))
  assert.deepEqual(seen, ['ADDED', 'MODIFIED', 'DELETED'])
})

test('a finalizer keeps an object until it is taken away', () => {
  const store = createStore()
  const made = store.create({
    ...configMap('a'),
    metadata: { name: 'a', namespace: 'default', finalizers: ['example.com/hold'] },
  })
  assert.ok(store.delete(refOf(made))?.metadata.deletionTimestamp)
  assert.ok(store.get(refOf(made)))
  store.mutate(refOf(made), (now) => ({ ...now, metadata: { ...now.metadata, finalizers: [] } }))
  assert.equal(store.get(refOf(made)), undefined)
})

test('a pod on a node stays for its grace period until the node agent lets go', () => {
  const store = createStore({ now: () => new Date('2026-01-01T00:00:00Z') })
  const made = store.create(pod('a', {}, { nodeName: 'n1', terminationGracePeriodSeconds: 5 }))
  const marked = store.delete(refOf(made))
  assert.equal(marked?.metadata.deletionTimestamp, '2026-01-01T00:00:05Z')
  assert.equal(marked?.metadata.deletionGracePeriodSeconds, 5)
  assert.ok(store.get(refOf(made)))
  store.delete(refOf(made), { gracePeriodSeconds: 0 })
  assert.equal(store.get(refOf(made)), undefined)
})

test('dependents go with their owner, unless they are orphaned', () => {
  for (const policy of ['Background', 'Foreground', 'Orphan'] as const) {
    const store = createStore()
    const owner = store.create(configMap('owner'))
    const reference = { ...CONFIG_MAP, name: 'owner', uid: owner.metadata.uid ?? '' }
    const dependent = store.create(pod('p', { ownerReferences: [reference] }))
    store.delete(refOf(owner), { propagationPolicy: policy })
    assert.equal(store.get(refOf(owner)), undefined, policy)
    assert.equal(store.get(refOf(dependent)) !== undefined, policy === 'Orphan', policy)
  }
})

test('foreground deletion holds the owner until its last dependent is gone', () => {
  const store = createStore()
  const owner = store.create(configMap('owner'))
  const reference = { ...CONFIG_MAP, name: 'owner', uid: owner.metadata.uid ?? '' }
  const running = pod('p', { ownerReferences: [reference] }, { nodeName: 'n1' })
  store.create(running)
  store.delete(refOf(owner), { propagationPolicy: 'Foreground' })
  assert.deepEqual(store.get(refOf(owner))?.metadata.finalizers, ['foregroundDeletion'])
  store.delete(refOf(running), { gracePeriodSeconds: 0 })
  assert.equal(store.get(refOf(owner)), undefined)
})

test('a namespace takes its content along and lets nothing new in meanwhile', () => {
  const store = createStore()
  store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  const inShop = { namespace: 'shop' }
  const ref = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }
  store.create(pod('p', inShop, { nodeName: 'n1' }))
  store.create({ ...configMap('c'), metadata: { name: 'c', ...inShop } })
  store.delete(ref)
  const status = store.get(ref)?.status as {
    readonly phase: string
    readonly conditions: readonly Condition[]
  }
  assert.equal(status.phase, 'Terminating')
  const remaining = status.conditions.find(({ type }) => type === 'NamespaceContentRemaining')
  assert.equal(remaining?.status, 'True')
  assert.match(remaining?.message ?? '', /pods\. has 1 resource instances/)
  assert.equal(store.list(CONFIG_MAP, inShop).length, 0)
  assert.equal(failure(() => store.create(pod('q', inShop))).status, 403)
  store.delete({ ...POD, ...inShop, name: 'p' }, { gracePeriodSeconds: 0 })
  assert.equal(store.get(ref), undefined)
  assert.equal(failure(() => store.create(pod('q', inShop))).status, 404)
})

test('a running pod refuses another specification, but takes a node and an image', () => {
  const store = createStore()
  const made = store.create(pod('a'))
  store.update(pod('a', {}, { nodeName: 'n1' }))
  store.update(pod('a', {}, { nodeName: 'n1', containers: [{ name: 'app', image: 'other' }] }))
  const error = failure(() => store.update(pod('a', {}, { nodeName: 'n2' })))
  assert.deepEqual([error.status, error.details?.causes?.[0]?.field], [422, 'spec'])
  assert.equal(store.get(refOf(made))?.metadata.generation, 3)
})

test('names and labels are validated with a cause for each field', () => {
  const store = createStore()
  const error = failure(() => store.create(configMap('Bad_Name', {}, { 'a b': 'x', ok: '-' })))
  assert.equal(error.status, 422)
  assert.deepEqual(
    error.details?.causes?.map(({ field, reason }) => [field, reason]),
    [
      ['metadata.name', 'FieldValueInvalid'],
      ['metadata.labels', 'FieldValueInvalid'],
      ['metadata.labels', 'FieldValueInvalid'],
    ],
  )
})

test('a generated name starts with what was asked for and is free', () => {
  const store = createStore()
  const names = Array.from(
    { length: 50 },
    () => store.create(pod('', { generateName: 'web-' })).metadata.name,
  )
  assert.equal(new Set(names).size, 50)
  for (const name of names) assert.match(name, /^web-[b-z2-9]{5}$/)
})

test('history answers for what it remembers and says so when it does not', () => {
  const store = createStore({ historyLength: 4 })
  const start = Number(store.resourceVersion)
  for (let n = 0; n < 4; n += 1) store.create(configMap(`c${n}`))
  const seen: string[] = []
  store.follow(CONFIG_MAP, {}, start + 2, ({ object }) => seen.push(object.metadata.name)).stop()
  assert.deepEqual(seen, ['c2', 'c3'])
  const names = store.snapshot(CONFIG_MAP, {}, start + 1).map(({ metadata }) => metadata.name)
  assert.deepEqual(names, ['c0'])
  for (let n = 4; n < 12; n += 1) store.create(configMap(`c${n}`))
  assert.equal(failure(() => store.follow(CONFIG_MAP, {}, start, () => {})).status, 410)
})

test('a dry run answers as if, and stores nothing', () => {
  const store = createStore()
  const before = store.resourceVersion
  const made = store.create(configMap('c'), { dryRun: true })
  assert.ok(made.metadata.uid)
  assert.equal(store.get(refOf(made)), undefined)
  assert.equal(store.resourceVersion, before)
})
