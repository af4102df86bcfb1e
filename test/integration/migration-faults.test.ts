import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { MigrationError } from '../../migration/errors.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { Fault, SeenRequest } from '../support/faulty-api.ts'
import { type Stage, startStage } from '../support/migration-stage.ts'
import { apply, journalOf, optionsFor, rollback, staged } from '../support/staged-run.ts'

const shop = { ...kinds.namespace, name: 'shop' }
const allowWeb = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  name: 'allow-web',
  namespace: 'shop',
}

const status = (code: number, reason: string, details: object = {}) => ({
  kind: 'Status',
  apiVersion: 'v1',
  message: `${reason} on purpose`,
  reason,
  code,
  details,
})

/** Writes of the plan itself, not of its leases. */
const isCall = ({ isWrite, path }: SeenRequest): boolean => isWrite && !path.includes('/leases')

/** Inflicts a fault on the n-th call, the first `times` times it is sent. */
function onCall(n: number, fault: Fault, times = 1): (request: SeenRequest) => Fault | undefined {
  let calls = 0
  let left = times
  return (request) => {
    if (!isCall(request)) return undefined
    calls += 1
    if (calls < n || left === 0) return undefined
    left -= 1
    return fault
  }
}

async function undisturbed(): Promise<{
  readonly initial: Stage['state'] extends () => infer State ? State : never
  readonly final: Stage['state'] extends () => infer State ? State : never
}> {
  const stage = await startStage()
  try {
    const initial = stage.state()
    assert.equal((await apply(stage)).outcome, 'finished')
    return { initial, final: stage.state() }
  } finally {
    await stage.stop()
  }
}

/** On every call, the first `times` times it is sent. */
function onEveryCall(fault: Fault, times: number): (request: SeenRequest) => Fault | undefined {
  const sent = new Map<string, number>()
  return (request) => {
    if (!isCall(request)) return undefined
    const key = `${request.method} ${request.path} ${request.body}`
    const count = (sent.get(key) ?? 0) + 1
    sent.set(key, count)
    return count <= times ? fault : undefined
  }
}

test('every call survives a server that is busy, fails, times out or loses the answer', async (t) => {
  const { initial, final } = await undisturbed()
  const faults: readonly (readonly [string, Fault, number])[] = [
    ['429 with Retry-After', { answer: 429, headers: { 'retry-after': '0' } }, 2],
    ['500 twice', { answer: 500, body: status(500, 'InternalError') }, 2],
    ['no answer, not carried out', { silent: 'before' }, 1],
    ['no answer, carried out', { silent: 'after' }, 1],
    ['connection reset before', { reset: 'before' }, 1],
    ['connection reset after the server committed', { reset: 'after' }, 1],
  ]
  for (const [name, fault, times] of faults) {
    await t.test(name, async (t) => {
      const stage = await staged(t)
      const patience = { deadlineMs: 10_000, firstMs: 5, mostMs: 50 }
      stage.faulty.inflict(onEveryCall(fault, times))
      const done = await apply(stage, { patience }, 150)
      assert.equal(done.outcome, 'finished', done.reason)
      assert.deepEqual(stage.state(), final)
      assert.equal((await journalOf(stage)).phase, 'finished')
      assert.equal((await journalOf(stage)).undecided, undefined)
      const back = await rollback(stage, { patience }, 150)
      assert.equal(back.outcome, 'rolled-back', back.reason)
      assert.deepEqual(stage.state(), initial)
      assert.equal((await journalOf(stage)).phase, 'rolled-back')
    })
  }
})

test('a patch that others overtook is sent again', async (t) => {
  const { final } = await undisturbed()
  const stage = await staged(t)
  const overtaken = onEveryCall({ answer: 409, body: status(409, 'Conflict') }, 2)
  stage.faulty.inflict((one) => (one.method === 'PATCH' ? overtaken(one) : undefined))
  const done = await apply(stage)
  assert.equal(done.outcome, 'finished', done.reason)
  assert.deepEqual(stage.state(), final)
  assert.equal((await journalOf(stage)).phase, 'finished')
})

test('an answer that bids to wait is waited for', async (t) => {
  const stage = await staged(t)
  stage.faulty.inflict(onCall(3, { answer: 429, headers: { 'retry-after': '1' } }))
  const patience = { deadlineMs: 5_000, firstMs: 1, mostMs: 1 }
  const notices: string[] = []
  const onEvent = (event: { event: string; text?: string }) => {
    if (event.event === 'notice') notices.push(event.text ?? '')
  }
  const done = await apply(stage, { patience, onEvent })
  assert.equal(done.outcome, 'finished')
  assert.match(notices.join('\n'), /again in 1\.0 s/)
  assert.equal((await journalOf(stage)).phase, 'finished')
})

test('a server that stays in trouble ends the run, which can be resumed', async (t) => {
  const { initial, final } = await undisturbed()
  const stage = await staged(t)
  stage.faulty.inflict((request) =>
    isCall(request) && request.path.includes('deny-admin') && !request.path.includes('waypoint')
      ? { reset: 'after' }
      : undefined,
  )
  // Found out by looking it up, however often the answer is lost.
  assert.equal((await apply(stage)).outcome, 'finished')
  assert.deepEqual(stage.state(), final)

  const other = await staged(t)
  let cut = false
  other.faulty.inflict((request) => {
    cut ||= isCall(request) && request.path.includes('/namespaces/shop?')
    return cut ? { reset: request.isWrite ? 'after' : 'before' } : undefined
  })
  const patience = { deadlineMs: 200, firstMs: 5, mostMs: 50 }
  const ended = await apply(other, { patience })
  assert.equal(ended.outcome, 'interrupted')
  assert.match(ended.reason ?? '', /could not be reached/)
  const journal = await journalOf(other)
  assert.equal(journal.phase, 'resumable')
  assert.equal(journal.step, 'S9/shop')
  assert.equal(journal.undecided?.outcome, 'undecided')
  other.faulty.inflict(undefined)
  const resumed = await apply(other, { leaseDurationMs: 1_000 })
  assert.equal(resumed.outcome, 'finished', resumed.reason)
  assert.deepEqual(other.state(), final)
  assert.equal((await rollback(other)).outcome, 'rolled-back')
  assert.deepEqual(other.state(), initial)
})

test('409: a field of another manager is left to it, by name', async (t) => {
  const stage = await staged(t)
  const client = await stage.direct()
  const gateway = { ...kinds.gateway, name: 'waypoint', namespace: 'shop' }
  const before = stage.state()
  await client.patch(
    gateway,
    'apply',
    { metadata: { name: 'waypoint' }, spec: { gatewayClassName: 'other' } },
    { fieldManager: 'argocd' },
  )
  await assert.rejects(apply(stage), (error: unknown) => {
    assert.ok(error instanceof MigrationError)
    assert.equal(error.exitCode, 6)
    assert.match(error.message, /\.spec\.gatewayClassName belongs to argocd/)
    return true
  })
  await client.delete(gateway)
  assert.deepEqual(stage.state(), before)

  // Taken between the dry run and the call.
  const body = status(409, 'Conflict', {
    causes: [
      {
        reason: 'FieldManagerConflict',
        message: 'conflict with "argocd" using v1',
        field: '.spec.gatewayClassName',
      },
    ],
  })
  stage.faulty.inflict(onCall(1, { answer: 409, body }))
  const done = await apply(stage)
  assert.equal(done.outcome, 'failed')
  assert.match(done.reason ?? '', /\.spec\.gatewayClassName belongs to argocd/)
  assert.equal((await journalOf(stage)).phase, 'resumable')
  assert.equal((await journalOf(stage)).undecided, undefined)
  assert.equal((await apply(stage)).outcome, 'finished', 'resumed once that is settled')
})

test('422: what was changed since is drift, and with --rollback-on-failure all goes back', async (t) => {
  const stage = await staged(t)
  let initial = {}
  let seen = 0
  stage.faulty.inflict((request) => {
    if (!isCall(request)) return undefined
    seen += 1
    if (seen !== 2) return undefined
    // Somebody edits the policy right before our patch arrives.
    return {
      when: 'before',
      call: () => {
        const policy = stage.store.get(allowWeb)
        assert.ok(policy)
        stage.store.update({ ...policy, spec: { action: 'ALLOW', rules: [] } })
        const {
          'Gateway shop/waypoint': _,
          'Deployment shop/waypoint': __,
          ...rest
        } = stage.state()
        initial = Object.fromEntries(
          Object.entries(rest).filter(([key]) => !key.startsWith('Lease')),
        )
      },
    }
  })
  const done = await apply(stage, { rollbackOnFailure: true })
  assert.equal(done.outcome, 'rolled-back', done.reason)
  assert.match(done.reason ?? '', /allow-web is not as it was when the plan was made/)
  assert.deepEqual(stage.state(), initial, 'their edit stays, ours is gone')
  assert.equal((await journalOf(stage)).phase, 'rolled-back')
})

test('watches and lists that break off only take longer', async (t) => {
  const { final } = await undisturbed()
  const stage = await staged(t)
  let reads = 0
  stage.faulty.inflict(({ method }) => {
    if (method !== 'GET') return undefined
    reads += 1
    return reads % 3 === 0 ? { cutAfterMs: 0 } : reads % 7 === 0 ? { answer: 503 } : undefined
  })
  const done = await apply(stage)
  assert.equal(done.outcome, 'finished', done.reason)
  assert.deepEqual(stage.state(), final)
  assert.equal((await journalOf(stage)).phase, 'finished')
})

test('an expired token ends the run clearly; with a new one it goes on', async (t) => {
  const { final } = await undisturbed()
  const stage = await staged(t)
  let expired = false
  stage.faulty.inflict((request) => {
    expired ||= isCall(request) && request.path.includes('/namespaces/shop?')
    return expired ? { answer: 401, body: status(401, 'Unauthorized') } : undefined
  })
  const done = await apply(stage)
  assert.equal(done.outcome, 'interrupted')
  assert.match(done.reason ?? '', /does not accept the credentials any more .*; renew them and run/)
  const journal = await journalOf(stage)
  assert.equal(journal.phase, 'resumable')
  assert.equal(journal.undecided, undefined, 'refused means not carried out')
  stage.faulty.inflict(undefined)
  assert.equal((await apply(stage, { leaseDurationMs: 1_000 })).outcome, 'finished')
  assert.deepEqual(stage.state(), final)
})

test('a namespace that is deleted meanwhile ends the run without a trace', async (t) => {
  const stage = await staged(t)
  stage.faulty.inflict(onCall(4, { when: 'before', call: () => stage.store.delete(shop) }))
  const done = await apply(stage, { rollbackOnFailure: true })
  assert.match(done.reason ?? '', /not there any more|being deleted|is not there/)
  assert.ok(['rolled-back', 'failed', 'interrupted'].includes(done.outcome), done.outcome)
  const phase = done.outcome === 'rolled-back' ? 'rolled-back' : 'resumable'
  assert.equal((await journalOf(stage)).phase, phase)
  const left = stage.store.get(shop)
  assert.ok(left?.metadata.deletionTimestamp, 'only its pods keep it, for want of a kubelet')
  assert.deepEqual(
    Object.keys(stage.state()).filter((key) => key.includes('shop/') && !key.startsWith('Pod ')),
    [],
    'nothing is made in a namespace that is going',
  )
  if (done.outcome !== 'rolled-back') {
    stage.faulty.inflict(undefined)
    assert.equal((await rollback(stage)).outcome, 'rolled-back')
  }
})

test('a second meshbench is told who is at it, and takes over only from one that has died', async (t) => {
  const stage = await staged(t)
  let second: Promise<unknown> | undefined
  stage.faulty.inflict(
    onCall(2, {
      when: 'before',
      call: async () => {
        const client = await stage.direct()
        second = applyPlan(client, stage.plan(), optionsFor(stage)).catch((error: unknown) => error)
        await second
      },
    }),
  )
  assert.equal((await apply(stage)).outcome, 'finished')
  const error = await second
  assert.ok(error instanceof MigrationError)
  assert.equal(error.code, 'MIGRATION_LOCKED')
  assert.equal(error.exitCode, 6)
  assert.match(error.message, /shop is being migrated by another meshbench: meshbench .* pid \d+/)
  assert.equal((await journalOf(stage)).phase, 'finished', 'the second has not written to it')

  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'shop' }
  assert.equal(stage.store.list(lease, { namespace: 'shop' }).length, 0, 'it is given back')
  const spec = (renewTime: string) => ({
    holderIdentity: 'meshbench jane@elsewhere pid 7 00000000',
    leaseDurationSeconds: 30,
    acquireTime: renewTime,
    renewTime,
  })
  const metadata = { name: 'meshbench-migrate-shop', namespace: 'shop' }
  stage.store.create({ ...lease, metadata, spec: spec(new Date().toISOString()) })
  await assert.rejects(rollback(stage), /jane@elsewhere/)
  stage.store.delete({ ...lease, name: metadata.name })
  stage.store.create({ ...lease, metadata, spec: spec('2026-01-01T00:00:00.000000Z') })
  assert.equal((await rollback(stage)).outcome, 'rolled-back')
})

test('whoever loses the lease stops before the next call', async (t) => {
  const stage = await staged(t)
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    name: 'meshbench-migrate-shop',
    namespace: 'shop',
  }
  stage.faulty.inflict(
    onCall(2, {
      when: 'after',
      call: async () => {
        stage.store.mutate(lease, (current) => ({
          ...current,
          spec: { ...(current.spec as object), holderIdentity: 'meshbench joe@elsewhere pid 9 x' },
        }))
        // Longer than a renewal takes to come round.
        await new Promise((resolve) => setTimeout(resolve, 500))
      },
    }),
  )
  const done = await apply(stage, { leaseDurationMs: 600 })
  assert.equal(done.outcome, 'interrupted')
  assert.match(done.reason ?? '', /the lease was lost: .*joe@elsewhere/)
  assert.equal((await journalOf(stage)).phase, 'resumable')
  assert.ok(stage.store.get(lease), 'the lease of another is left alone')
})

test('an outage that outlasts the lease is sat out, as long as nobody else has taken it', async (t) => {
  const { final } = await undisturbed()
  const stage = await staged(t)
  let backAtMs = Number.POSITIVE_INFINITY
  stage.faulty.inflict((request) => {
    if (isCall(request) && request.path.includes('/namespaces/shop?')) {
      backAtMs = Math.min(backAtMs, performance.now() + 1_500)
    }
    const isOut = Number.isFinite(backAtMs) && performance.now() < backAtMs
    return isOut ? { answer: 503, body: status(503, 'ServiceUnavailable') } : undefined
  })
  const patience = { deadlineMs: 10_000, firstMs: 50, mostMs: 200 }
  const done = await apply(stage, { patience, leaseDurationMs: 1_000 })
  assert.equal(done.outcome, 'finished', done.reason)
  assert.deepEqual(stage.state(), final)
})
