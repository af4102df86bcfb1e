import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonPatch } from '../../../cluster/api/patch/json-patch.ts'
import type { KubeObject } from '../../../cluster/objects.ts'
import { changesBetween } from '../../../migration/execute/changes.ts'
import { judge } from '../../../migration/execute/look-up.ts'
import type { CallRecord } from '../../../migration/journal/state.ts'
import type { Call, Step } from '../../../migration/result/plan.ts'
import { inverseOf, lineageOf } from '../../../migration/rollback/inverse.ts'
import { undoingsOf } from '../../../migration/rollback/order.ts'

const plan = 'shop-1'
const shop = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }

function namespace(labels?: Record<string, string>, more: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', uid: 'u1', resourceVersion: '1', ...(labels && { labels }), ...more },
  }
}

const flip: Call = {
  verb: 'patch',
  ref: shop,
  patch: [
    { op: 'remove', path: '/metadata/labels/istio-injection' },
    { op: 'add', path: '/metadata/labels/istio.io~1dataplane-mode', value: 'ambient' },
  ],
}
const before = namespace({ 'istio-injection': 'enabled', team: 'retail' })
const after = jsonPatch(before, flip.verb === 'patch' ? flip.patch : []) as KubeObject
const recorded = { call: flip, before, after }

/** The object with the inverse carried out, tests included. */
function undo(current: KubeObject, of = recorded): KubeObject {
  const { call } = inverseOf(of, current, plan)
  return call?.verb === 'patch' ? (jsonPatch(current, call.patch) as KubeObject) : current
}

test('labels go back to what they were, whatever else was changed meanwhile', () => {
  assert.deepEqual(undo(after).metadata.labels, before.metadata.labels)
  const current = namespace(
    { ...after.metadata.labels, added: 'later' },
    { annotations: { a: 'b' } },
  )
  assert.deepEqual(undo(current).metadata.labels, { ...before.metadata.labels, added: 'later' })
  assert.deepEqual(undo(current).metadata.annotations, { a: 'b' })
})

test('a label that somebody has changed since is left, and told', () => {
  const current = namespace({ team: 'retail', 'istio.io/dataplane-mode': 'none' })
  const { notes } = inverseOf(recorded, current, plan)
  assert.deepEqual(notes, [
    'Namespace shop: metadata.labels.istio.io/dataplane-mode was changed meanwhile and is left',
  ])
  assert.deepEqual(undo(current).metadata.labels, {
    team: 'retail',
    'istio.io/dataplane-mode': 'none',
    'istio-injection': 'enabled',
  })
})

test('what is taken back already needs no call', () => {
  assert.deepEqual(inverseOf(recorded, before, plan), { notes: [] })
  assert.deepEqual(inverseOf(recorded, undo(after), plan), { notes: [] })
})

test('an object that was made anew, or is gone, is not touched', () => {
  const other = namespace(after.metadata.labels, { uid: 'u2' })
  assert.equal(inverseOf(recorded, other, plan).call, undefined)
  assert.match(inverseOf(recorded, other, plan).notes.join(), /made anew by somebody else/)
  assert.match(inverseOf(recorded, undefined, plan).notes.join(), /not there any more/)
})

test('what a rollback has made anew is, to earlier calls, the object they knew', () => {
  const anew = namespace(after.metadata.labels, { uid: 'u3' })
  const lineage = lineageOf([
    { before: namespace(undefined, { uid: 'u2' }), remadeAs: 'u3' },
    { before: namespace(undefined, { uid: 'u1' }), remadeAs: 'u2' },
    { before: namespace(undefined, { uid: 'u9' }) },
  ])
  const { call, notes } = inverseOf(recorded, anew, plan, undefined, lineage)
  assert.deepEqual(notes, [])
  assert.ok(call?.verb === 'patch')
  assert.deepEqual(call.patch[0], { op: 'test', path: '/metadata/uid', value: 'u3' })
  const circle = new Map([
    ['u1', 'u2'],
    ['u2', 'u1'],
  ])
  assert.match(inverseOf(recorded, anew, plan, undefined, circle).notes.join(), /made anew by some/)
})

test('what was deleted and made anew in a rollback that died is recognised, and nothing else is', () => {
  const deletion: Call = { verb: 'delete', ref: shop, uid: 'u1' }
  const record = { call: deletion, before, remaking: true }
  const anew = namespace(before.metadata.labels, { uid: 'u2', annotations: { added: 'by a hook' } })
  assert.deepEqual(inverseOf(record, anew, plan), { notes: [], remadeAs: 'u2' })
  const theirs = inverseOf({ ...record, remaking: false }, anew, plan)
  assert.match(theirs.notes.join(), /made anew by somebody else and is left/)
  const other = inverseOf(record, namespace({ team: 'other' }, { uid: 'u2' }), plan)
  assert.match(other.notes.join(), /made anew by somebody else and is left/)
  assert.equal(other.call ?? other.remadeAs, undefined)
})

test('a map that the call has made goes with its last member, and comes back if it was there', () => {
  const bare = namespace()
  const call: Call = {
    verb: 'patch',
    ref: shop,
    patch: [{ op: 'add', path: '/metadata/annotations', value: { a: 'b' } }],
  }
  const made = jsonPatch(bare, call.patch) as KubeObject
  assert.deepEqual(undo(made, { call, before: bare, after: made }), bare)
  const emptied = namespace(undefined)
  assert.deepEqual(undo(emptied).metadata.labels, { 'istio-injection': 'enabled' })
})

test('any change of fields is undone exactly, and only once', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.integer()))
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      value,
      fc.dictionary(fc.constantFrom('a', 'b/c', 'd~e', 'f'), tie('node'), { maxKeys: 3 }),
    ),
  })).node
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('x', 'y/z', 'w'), tree),
      fc.dictionary(fc.constantFrom('x', 'y/z', 'w'), tree),
      (from, to) => {
        const meta = { name: 'one', uid: 'u1' }
        const first = { apiVersion: 'v1', kind: 'Thing', metadata: meta, spec: from } as KubeObject
        const second = { ...first, spec: to } as KubeObject
        const call: Call = { verb: 'patch', ref: { ...shop, kind: 'Thing' }, patch: [] }
        const back = undo(second, { call, before: first, after: second })
        assert.deepEqual(changesBetween(first, back), [])
        assert.equal(inverseOf({ call, before: first, after: second }, back, plan).call, undefined)
      },
    ),
  )
})

const gateway = { apiVersion: 'g/v1', kind: 'Gateway', name: 'waypoint', namespace: 'shop' }
const made = (uid: string, labels?: Record<string, string>): KubeObject => ({
  apiVersion: 'g/v1',
  kind: 'Gateway',
  metadata: { name: 'waypoint', namespace: 'shop', uid, ...(labels && { labels }) },
  spec: {},
})
const ours = { 'meshbench.io/migration': plan }

test('what was created is deleted only by its uid and our label', () => {
  for (const verb of ['create', 'apply'] as const) {
    const call: Call = { verb, ref: gateway, body: {} }
    const inverse = (current?: KubeObject, done?: KubeObject) =>
      inverseOf({ call, ...(done && { after: done }) }, current, plan)
    assert.deepEqual(inverse(made('u1', ours), made('u1', ours)).call, {
      verb: 'delete',
      ref: gateway,
      uid: 'u1',
    })
    // Undecided: the label alone tells whose it is.
    assert.equal(inverse(made('u1', ours))?.call?.verb, 'delete')
    assert.deepEqual(inverse(undefined, made('u1', ours)), { notes: [] })
    for (const [current, why] of [
      [made('u2', ours), /made anew by somebody else/],
      [made('u1'), /does not carry our label/],
      [made('u1', { 'meshbench.io/migration': 'another' }), /does not carry our label/],
    ] as const) {
      const { call: none, notes } = inverse(current, made('u1', ours))
      assert.equal(none, undefined)
      assert.match(notes.join(), why)
    }
  }
})

test('what was deleted is made anew without what servers add', () => {
  const gone: KubeObject = {
    apiVersion: 's/v1',
    kind: 'AuthorizationPolicy',
    metadata: {
      name: 'deny',
      namespace: 'shop',
      uid: 'u1',
      resourceVersion: '9',
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { team: 'retail' },
      annotations: { reason: 'audit' },
      managedFields: [{}],
    },
    spec: { action: 'DENY' },
    status: { conditions: [] },
  }
  const ref = { apiVersion: 's/v1', kind: 'AuthorizationPolicy', name: 'deny', namespace: 'shop' }
  const call: Call = { verb: 'delete', ref, uid: 'u1' }
  assert.deepEqual(inverseOf({ call, before: gone }, undefined, plan).call, {
    verb: 'create',
    ref,
    body: {
      apiVersion: 's/v1',
      kind: 'AuthorizationPolicy',
      metadata: {
        name: 'deny',
        namespace: 'shop',
        labels: { team: 'retail' },
        annotations: { reason: 'audit' },
      },
      spec: { action: 'DENY' },
    },
  })
  assert.deepEqual(inverseOf({ call, before: gone }, gone, plan), { notes: [] })
  const other = { ...gone, metadata: { ...gone.metadata, uid: 'u2' } }
  assert.match(inverseOf({ call, before: gone }, other, plan).notes.join(), /made anew/)
})

test('whether a call was carried out shows in the cluster, or is nobody can tell', () => {
  assert.equal(judge({ call: flip, before }, after, plan).outcome, 'done')
  assert.equal(judge({ call: flip, before }, before, plan).outcome, 'not-done')
  const half = namespace({ ...before.metadata.labels, 'istio.io/dataplane-mode': 'none' })
  assert.throws(() => judge({ call: flip, before }, half, plan), /somebody else has changed/)
  assert.throws(() => judge({ call: flip, before }, undefined, plan), /not there any more/)
  const create: Call = { verb: 'create', ref: gateway, body: {} }
  assert.equal(judge({ call: create }, undefined, plan).outcome, 'not-done')
  assert.equal(judge({ call: create }, made('u1', ours), plan).outcome, 'done')
  assert.throws(() => judge({ call: create }, made('u1'), plan), /exists already and is not ours/)
  const remove: Call = { verb: 'delete', ref: gateway, uid: 'u1' }
  assert.equal(judge({ call: remove }, undefined, plan).outcome, 'done')
  assert.equal(judge({ call: remove }, made('u1'), plan).outcome, 'not-done')
  assert.equal(judge({ call: remove }, made('u2'), plan).outcome, 'done')
})

test('restarted workloads go back between injection and the ambient label, S3 stays', () => {
  const record = (step: string, call: Call): CallRecord => ({
    step,
    index: 0,
    call,
    before,
    after,
    outcome: 'done',
    undone: false,
  })
  const restart = (name: string): Call => ({
    verb: 'patch',
    ref: { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace: 'shop' },
    patch: [],
  })
  const remove: Call = { verb: 'delete', ref: gateway, uid: 'u1' }
  const calls = [
    record('S3/shop', restart('cart')),
    record('S9/shop', { ...flip, patch: [] }),
    record('S10/shop', flip),
    record('S11/shop/a', restart('a')),
    record('S11/shop/b', restart('b')),
    record('S12/shop', remove),
  ]
  const steps = calls.map(({ step }) => ({ id: step, phase: step.split('/')[0] ?? '' }) as Step)
  const { undoings, kept } = undoingsOf(calls, steps)
  const changes = changesBetween(before, after)
  const told = undoings.map(({ record: { step }, part, last }) => {
    const fields = part ? changes.filter(part).map(({ path }) => path.at(-1)) : ['all']
    return `${step} ${fields.join()}${last ? ' last' : ''}`
  })
  assert.deepEqual(told, [
    'S12/shop all last',
    'S10/shop istio-injection',
    'S11/shop/b all last',
    'S11/shop/a all last',
    'S10/shop istio.io/dataplane-mode last',
    'S9/shop all last',
  ])
  assert.deepEqual(
    kept.map(({ step }) => step),
    ['S3/shop'],
  )
})
