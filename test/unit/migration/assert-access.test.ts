import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MigrationError } from '../../../migration/errors.ts'
import { assertAccess } from '../../../migration/execute/assert-access.ts'
import { type AccessQuestion, NotReadable } from '../../../migration/inventory/snapshot.ts'
import { planOptions, snapshotOf } from '../../support/snapshots.ts'

const options = { ...planOptions, namespaces: ['shop'], accept: [] as string[] }

function refusal(
  denies: (question: AccessQuestion) => boolean,
  asked: Partial<typeof options> = {},
  accept: readonly string[] = [],
): MigrationError | undefined {
  const snapshot = snapshotOf([], { probes: { allowed: (question) => !denies(question) } })
  try {
    assertAccess({ options: { ...options, ...asked } }, snapshot, accept)
    return undefined
  } catch (error) {
    assert.ok(error instanceof MigrationError, String(error))
    return error
  }
}

const forwards = ({ subresource }: AccessQuestion) => subresource === 'portforward'
const restarts = ({ resource, verb }: AccessQuestion) =>
  resource === 'daemonsets' && verb === 'patch'
const logs = ({ subresource }: AccessQuestion) => subresource === 'log'

test('a permission that a call or a proof needs is asked for before anything is done', () => {
  const error = refusal(forwards)
  assert.equal(error?.code, 'MIGRATION_FORBIDDEN')
  assert.equal(error?.exitCode, 6)
  assert.equal(
    error?.message,
    'permissions are missing: MB001 You may not create, get pods/portforward in istio-system: admin port of ztunnel, which proves that pods are captured',
  )
  assert.match(
    error?.hint ?? '',
    /^Nothing was changed\..* `meshbench migrate rbac --namespace shop` /,
  )
})

test('several are counted, and every one of them is for the named purpose only', () => {
  const both = refusal((one) => forwards(one) || restarts(one) || logs(one), {
    restartWorkloads: true,
    probe: true,
  })
  assert.match(both?.message ?? '', /\(and \d more\)$/)
  assert.match(both?.hint ?? '', /rbac --namespace shop --restart-workloads --probe`/)
  assert.equal(refusal(restarts), undefined, 'nobody asked for restarts')
  assert.equal(refusal(logs), undefined, 'nobody asked for a probe')
  assert.equal(refusal(restarts, { restartWorkloads: true })?.code, 'MIGRATION_FORBIDDEN')
  assert.equal(refusal(logs, { probe: true })?.code, 'MIGRATION_FORBIDDEN')
})

test('accepted it goes on, and so it does where nobody says what is allowed', () => {
  assert.equal(refusal(forwards, {}, ['MB001']), undefined)
  assert.equal(refusal(forwards, { accept: ['MB001'] }), undefined)
  const silent = () => {
    throw new NotReadable('the API server does not say what is allowed')
  }
  assert.equal(refusal(silent), undefined)
})
