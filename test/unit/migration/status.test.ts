import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf, spanOf } from '../../../cli/migrate/status.ts'
import { kinds, type Namespace, type Pod } from '../../../cluster/kinds.ts'
import type { JournalEntry } from '../../../migration/journal/entry.ts'
import type { KnownMigration } from '../../../migration/journal/folder.ts'
import { stateOf } from '../../../migration/journal/state.ts'
import { namespaceStatus } from '../../../migration/status/namespace-status.ts'

const nowMs = Date.parse('2026-11-23T12:00:00.000Z')

function namespace(labels: Record<string, string>, managedFields?: unknown[]): Namespace {
  return {
    ...kinds.namespace,
    metadata: { name: 'shop', labels, ...(managedFields && { managedFields }) },
  }
}

function pod(name: string, owner: string, annotations: Record<string, string> = {}): Pod {
  return {
    ...kinds.pod,
    metadata: {
      name,
      namespace: 'shop',
      annotations,
      labels: { 'pod-template-hash': 'x' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${owner}-x`,
          uid: 'u',
          controller: true,
        },
      ],
    },
    spec: { containers: [] },
    status: { startTime: '2026-11-23T10:00:00Z' },
  }
}

const sidecar = { 'sidecar.istio.io/status': '{}' }
const enabled = { 'ambient.istio.io/redirection': 'enabled' }
const ambient = { 'istio.io/dataplane-mode': 'ambient' }
const mixed = [
  pod('cart-1', 'cart', sidecar),
  pod('cart-2', 'cart', enabled),
  pod('web-1', 'web', sidecar),
]

const started: JournalEntry = {
  at: '2026-11-23T09:00:00.000Z',
  entry: 'started',
  journalVersion: 1,
  plan: 'shop-1',
  hash: 'h',
  holder: 'x',
  namespaces: ['shop'],
}
const flip: readonly JournalEntry[] = [
  { at: '2026-11-23T09:00:01.000Z', entry: 'step', step: 'S10/shop' },
  {
    at: '2026-11-23T09:00:02.000Z',
    entry: 'call',
    step: 'S10/shop',
    index: 0,
    call: {
      verb: 'patch',
      ref: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' },
      patch: [{ op: 'add', path: '/metadata/labels/istio.io~1dataplane-mode', value: 'ambient' }],
    },
  },
  { at: '2026-11-23T09:30:00.000Z', entry: 'called', step: 'S10/shop', index: 0 },
]

function known(...entries: readonly JournalEntry[]): KnownMigration {
  return { folder: '.meshbench/migrations/shop-1', state: stateOf(entries) }
}

const status = (labels: Record<string, string>, pods: readonly Pod[], migration?: KnownMigration) =>
  namespaceStatus({ namespace: namespace(labels), pods, liveTakeover: false, migration, nowMs })

test('every workload is counted by who has its pods', () => {
  const { workloads, wants } = status(ambient, mixed)
  assert.deepEqual(workloads, [
    { workload: 'Deployment cart', sidecar: 1, pending: 0, ambient: 1, excluded: 0 },
    { workload: 'Deployment web', sidecar: 1, pending: 0, ambient: 0, excluded: 0 },
  ])
  assert.equal(wants, 'ambient')
})

test('how long it has been a mix: by the journal, the label, or the oldest pod in ambient', () => {
  const hour = 60 * 60_000
  assert.deepEqual(status(ambient, mixed, known(started, ...flip)).mixed, {
    since: '2026-11-23T09:30:00.000Z',
    durationMs: 2.5 * hour,
    knownFrom: 'the journal',
  })
  const fields = [
    {
      manager: 'kubectl-label',
      time: '2026-11-23T11:00:00Z',
      fieldsV1: { 'f:metadata': { 'f:labels': { 'f:istio.io/dataplane-mode': {} } } },
    },
  ]
  const labelled = namespaceStatus({
    namespace: namespace(ambient, fields),
    pods: mixed,
    liveTakeover: false,
    migration: undefined,
    nowMs,
  })
  assert.deepEqual(labelled.mixed, {
    since: '2026-11-23T11:00:00Z',
    durationMs: hour,
    knownFrom: 'the manager of the label',
  })
  assert.equal(status(ambient, mixed).mixed?.durationMs, 2 * hour)
  assert.equal(status(ambient, [pod('cart-2', 'cart', enabled)]).mixed, undefined)
  assert.equal(status({ 'istio-injection': 'enabled' }, [pod('a', 'a', sidecar)]).mixed, undefined)
})

test('what comes next', () => {
  const next = (...of: Parameters<typeof status>): string => status(...of).next
  assert.match(
    next({ 'istio-injection': 'enabled' }, []),
    /^plan it: meshbench migrate plan --namespace shop$/,
  )
  assert.equal(next(ambient, [pod('cart-2', 'cart', enabled)]), 'nothing: all of it is in ambient')
  assert.match(next(ambient, [pod('cart-2', 'cart')]), /^1 pod is still changing over/)
  assert.match(
    next(ambient, mixed),
    /^2 pods convert when recreated, .* kubectl -n shop rollout restart deployment\/cart \.\.\.$/,
  )
  assert.match(next({ ...ambient, 'istio-injection': 'enabled' }, []), /its label wins/)
  assert.equal(next({}, []), 'it is in no mesh')
  const stopped = known(started, ...flip, {
    at: '2026-11-23T09:31:00.000Z',
    entry: 'failed',
    step: 'S10/shop',
    reason: '1 of 2 pods are not captured yet',
  })
  assert.match(
    next(ambient, mixed, stopped),
    /^a migration stopped at S10\/shop \(1 of 2 pods .*\): meshbench migrate apply --namespace shop goes on/,
  )
  const half = known(started, ...flip, { at: started.at, entry: 'rollback', holder: 'x', why: 'y' })
  assert.match(next(ambient, mixed, half), /half taken back: meshbench migrate rollback/)
})

test('the table lines up, with remarks for each namespace below', () => {
  const report = {
    server: 'x',
    takenAt: '2026-11-23T12:00:00.000Z',
    namespaces: [
      status(ambient, mixed, known(started, ...flip, { at: started.at, entry: 'finished' })),
    ],
    damaged: [],
  }
  assert.deepEqual(linesOf(report), [
    'NAMESPACE  WORKLOAD         SIDECAR  PENDING  AMBIENT  EXCLUDED',
    'shop       Deployment cart        1        -        1         -',
    'shop       Deployment web         1        -        -         -',
    '',
    'shop: its labels ask for ambient',
    '  mixed for 2 h 30 min, since 2026-11-23T09:30:00.000Z (the journal)',
    '  next: 2 pods convert when recreated, by their next rollout or now: kubectl -n shop rollout restart deployment/cart ...',
    '  journal: .meshbench/migrations/shop-1, finished, last entry 2026-11-23T09:00:00.000Z',
  ])
  assert.deepEqual(linesOf({ ...report, namespaces: [] }), [
    'No namespace has anything to do with the mesh.',
  ])
  assert.deepEqual([40_000, 12 * 60_000, 76 * 3_600_000].map(spanOf), [
    '40 s',
    '12 min',
    '3 days 4 h',
  ])
})
