// What can go wrong while a migration is taken back: it ends taken back, or says that it is not yet.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { MigrationError } from '../../migration/errors.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { Fault, SeenRequest } from '../support/faulty-api.ts'
import type { Stage } from '../support/migration-stage.ts'
import { apply, folderOf, journalOf, optionsFor, rollback, staged } from '../support/staged-run.ts'

const shop = { ...kinds.namespace, name: 'shop' }
const status = (code: number, reason: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  message: `${reason} on purpose`,
  reason,
  code,
})

const isCall = ({ isWrite, path }: SeenRequest): boolean => isWrite && !path.includes('/leases')

/** From the n-th call on; `last` for that one alone. */
function fromCall(n: number, fault: Fault, last = Number.POSITIVE_INFINITY) {
  let calls = 0
  return (request: SeenRequest): Fault | undefined => {
    if (isCall(request)) calls += 1
    return calls >= n && calls <= last ? fault : undefined
  }
}

async function applied(stage: Stage): Promise<Readonly<Record<string, string>>> {
  const initial = stage.state()
  assert.equal((await apply(stage)).outcome, 'finished')
  return initial
}

/** The journal says that it is half taken back, nothing else may be done, and the next run finishes it. */
async function finishedLater(stage: Stage, initial: Readonly<Record<string, string>>) {
  stage.faulty.inflict(undefined)
  assert.equal((await journalOf(stage)).phase, 'rolling-back')
  await assert.rejects(apply(stage, { leaseDurationMs: 1_000 }), /is being taken back/)
  const back = await rollback(stage, { leaseDurationMs: 1_000 })
  assert.equal(back.outcome, 'rolled-back', back.reason)
  assert.deepEqual(stage.state(), initial)
  assert.equal((await journalOf(stage)).phase, 'rolled-back')
}

const troubles: readonly (readonly [string, Fault, RegExp])[] = [
  ['an expired token', { answer: 401, body: status(401, 'Unauthorized') }, /credentials any more/],
  [
    'a server that keeps failing',
    { answer: 500, body: status(500, 'InternalError') },
    /on purpose/,
  ],
  [
    '429 that does not end',
    { answer: 429, headers: { 'retry-after': '0' } },
    /429|Too Many|busy|throttl/i,
  ],
  ['connections that are cut', { reset: 'before' }, /could not be reached/],
]

for (const [name, fault, why] of troubles) {
  test(`${name} leaves it half taken back, and the next rollback finishes it`, async (t) => {
    const stage = await staged(t)
    const initial = await applied(stage)
    stage.faulty.inflict(fromCall(3, fault))
    const patience = { deadlineMs: 300, firstMs: 5, mostMs: 50 }
    const ended = await rollback(stage, { patience })
    assert.equal(ended.outcome, 'rollback-failed')
    assert.match(ended.reason ?? '', why)
    assert.ok(ended.steps.some(({ outcome }) => outcome === 'undone'))
    assert.ok(ended.steps.some(({ outcome }) => outcome !== 'undone'))
    await finishedLater(stage, initial)
  })
}

test('Retry-After is waited for, and a patch that others overtook is sent again', async (t) => {
  const stage = await staged(t)
  const initial = await applied(stage)
  const wait = fromCall(2, { answer: 429, headers: { 'retry-after': '1' } }, 2)
  const overtaken = fromCall(4, { answer: 409, body: status(409, 'Conflict') }, 5)
  stage.faulty.inflict((one) => {
    const fault = wait(one) ?? overtaken(one)
    assert.ok(fault === undefined || one.method === 'PATCH', 'labels and policies go back by patch')
    return fault
  })
  const notices: string[] = []
  const back = await rollback(stage, {
    patience: { deadlineMs: 5_000, firstMs: 1, mostMs: 20 },
    onEvent: (event) => {
      if (event.event === 'notice') notices.push(event.text)
    },
  })
  assert.equal(back.outcome, 'rolled-back', back.reason)
  assert.match(notices.join('\n'), /again in 1\.0 s/)
  assert.deepEqual(stage.state(), initial)
  assert.equal((await journalOf(stage)).phase, 'rolled-back')
})

test('a namespace that is deleted meanwhile has nothing left to take back', async (t) => {
  const stage = await staged(t)
  await applied(stage)
  stage.faulty.inflict(
    fromCall(2, { when: 'before', call: () => void stage.store.delete(shop) }, 2),
  )
  const back = await rollback(stage)
  assert.equal(back.outcome, 'rolled-back', back.reason)
  assert.equal((await journalOf(stage)).phase, 'rolled-back')
  assert.deepEqual(
    Object.keys(stage.state()).filter((key) => key.includes('shop/') && !key.startsWith('Pod ')),
    [],
    'nothing is made anew in a namespace that is going',
  )
})

test('a second meshbench is refused meanwhile, whatever it wants', async (t) => {
  const stage = await staged(t)
  const initial = await applied(stage)
  const refusals: unknown[] = []
  stage.faulty.inflict(
    fromCall(
      2,
      {
        when: 'before',
        call: async () => {
          const client = await stage.direct()
          const other = { ...stage.plan(), id: 'shop-other' }
          await applyPlan(client, other, optionsFor(stage)).catch((error) => refusals.push(error))
        },
      },
      2,
    ),
  )
  assert.equal((await rollback(stage)).outcome, 'rolled-back')
  const [error] = refusals
  assert.ok(error instanceof MigrationError)
  assert.equal(error.code, 'MIGRATION_LOCKED')
  assert.deepEqual(stage.state(), initial)
  assert.equal((await journalOf(stage)).phase, 'rolled-back', folderOf(stage))
})
