import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { age } from '../../cluster/api/age.ts'
import { tableOf } from '../../cluster/api/table.ts'
import { type ApiFixture, pod, startApi } from './api-fixture.ts'

const ACCEPT = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
let api: ApiFixture

before(async () => {
  api = await startApi({ store: { now: () => new Date(Date.now() - 30.5 * 24 * 3600_000) } })
})
after(() => api.stop())

async function rows(path: string) {
  const { json } = await api.call('GET', path, { headers: { accept: ACCEPT } })
  assert.equal(json.kind, 'Table')
  const names = json.columnDefinitions.map(({ name }: { name: string }) => name)
  const cells = json.rows.map((row: { cells: unknown[] }) => row.cells)
  return { names, cells, first: json.rows[0] }
}

test('kubectl sees of pods what it sees in a real cluster', async () => {
  const ref = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web' }
  api.store.create(pod('web', { nodeName: 'n1' }))
  api.store.mutateStatus(ref, (now) => ({
    ...now,
    status: {
      phase: 'Running',
      podIP: '127.1.1.1',
      containerStatuses: [{ name: 'app', ready: true, restartCount: 2, state: { running: {} } }],
    },
  }))
  const running = await rows('/api/v1/namespaces/default/pods')
  const names = ['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP', 'Node']
  assert.deepEqual(running.names, [...names, 'Nominated Node', 'Readiness Gates'])
  const cells = ['web', '1/1', 'Running', '2', '30d', '127.1.1.1', 'n1', '<none>', '<none>']
  assert.deepEqual(running.cells, [cells])
  assert.equal(running.first.object.kind, 'PartialObjectMetadata')
  api.store.mutateStatus(ref, (now) => ({
    ...now,
    status: {
      phase: 'Running',
      containerStatuses: [
        { ready: false, restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } },
      ],
    },
  }))
  const crashing = await rows('/api/v1/namespaces/default/pods/web')
  assert.deepEqual(crashing.cells[0].slice(1, 4), ['0/1', 'CrashLoopBackOff', '3'])
  api.store.delete(ref)
  assert.equal((await rows('/api/v1/pods')).cells[0][2], 'Terminating')
})

test('a kind without columns of its own shows name and age', async () => {
  const apiVersion = 'networking.istio.io/v1'
  api.store.create({ apiVersion, kind: 'Sidecar', metadata: { name: 'a', namespace: 'default' } })
  const table = await rows(`/apis/${apiVersion}/sidecars`)
  assert.deepEqual([table.names, table.cells], [['Name', 'Age'], [['a', '30d']]])
})

test('every kind can be shown as a table, and an odd object does not break it', () => {
  for (const definition of api.store.kinds.all) {
    const { apiVersion, kind } = definition
    const odd = { apiVersion, kind, metadata: { name: 'odd' } }
    const table = Object(tableOf(definition, [odd], { includeObject: null }))
    assert.equal(table.rows[0].cells.length, table.columnDefinitions.length, kind)
  }
})

test('ages lose precision as they grow', () => {
  const at = (seconds: number) => age('2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1, 0, 0, seconds))
  const day = 24 * 3600
  assert.deepEqual([0, 119, 125, 3599, 3 * 3600 + 120, day, 3 * day + 3600, 30 * day].map(at), [
    '0s',
    '119s',
    '2m5s',
    '59m',
    '3h2m',
    '24h',
    '3d1h',
    '30d',
  ])
  assert.equal(age(undefined, 0), '<unknown>')
})
