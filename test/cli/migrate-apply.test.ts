import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Execution } from '../../migration/result/execution.ts'
import { executionSchema } from '../../migration/result/execution.ts'
import { statusSchema } from '../../migration/result/status.ts'
import { migrating } from '../fixtures/migrating.ts'
import { clientAndTarget } from '../fixtures/shop.ts'
import { runCli, startCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-migrate-'))
after(() => rmSync(scratch, { recursive: true }))

test('apply, status and rollback of a running namespace, by the command alone', async (t) => {
  const { core, kubeconfigPath } = await migrating(t)
  await clientAndTarget(core)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const cluster = ['--kubeconfig', kubeconfigPath]
  const shop = ['--namespace', 'shop', ...cluster]

  const asked = await runCli(['migrate', 'apply', ...shop], scratch)
  assert.equal(asked.code, 2)
  assert.match(
    asked.stderr,
    /^error: there is nobody to ask whether to carry it out\n {2}hint: say --yes/,
  )
  assert.deepEqual(readdirSync(scratch), [])

  const paused = await startCli(['migrate', 'apply', ...shop, '--yes', '--pause-after', 'S0'], {
    cwd: scratch,
    timeoutMs: 60_000,
  }).finished
  assert.equal(paused.code, 0, paused.stderr)
  assert.match(
    paused.stdout,
    /^Paused, as asked for\.\nSteps: 1 of \d+ stand proved\nPods: 2 of 2 untouched/,
  )
  assert.match(paused.stderr, /^\[1\/\d+\] S0: Take the lease/m)

  const before = await runCli(['migrate', 'status', ...cluster], scratch)
  assert.equal(before.code, 0, before.stderr)
  assert.match(before.stdout, /^NAMESPACE +WORKLOAD +SIDECAR +PENDING +AMBIENT +EXCLUDED\n/)
  assert.match(before.stdout, /^shop +Deployment target +1 +- +- +-$/m)
  assert.match(
    before.stdout,
    /next: a migration stopped: meshbench migrate apply --namespace shop goes on/,
  )

  const applied = await startCli(['migrate', 'apply', ...shop, '--yes', '--json'], {
    cwd: scratch,
    timeoutMs: 60_000,
  }).finished
  assert.equal(applied.code, 0, applied.stderr)
  const execution: Execution = executionSchema.parse(JSON.parse(applied.stdout))
  assert.equal(execution.outcome, 'finished')
  assert.deepEqual(execution.pods, { before: 2, untouched: 2, converted: 0, others: [] })
  assert.match(applied.stderr, /goes on with \.meshbench\/migrations\/shop-\d{8}-\d{6}/)
  assert.match(applied.stderr, /proved: 2 of 2 pods have ambient\.istio\.io\/redirection=enabled/)

  const status = await runCli(['migrate', 'status', ...shop, '--json'], scratch)
  const [found] = statusSchema.parse(JSON.parse(status.stdout)).namespaces
  assert.deepEqual(found?.workloads, [
    { workload: 'Deployment client', sidecar: 0, pending: 0, ambient: 1, excluded: 0 },
    { workload: 'Deployment target', sidecar: 0, pending: 0, ambient: 1, excluded: 0 },
  ])
  assert.equal(found?.wants, 'ambient')
  assert.equal(found?.next, 'nothing: all of it is in ambient')
  assert.equal(found?.journal?.state, 'finished')

  const back = await startCli(['migrate', 'rollback', ...shop], { cwd: scratch, timeoutMs: 60_000 })
    .finished
  assert.equal(back.code, 0, back.stderr)
  assert.match(back.stdout, /^Taken back\.\n/)
  assert.match(back.stdout, /^Pods: 2 of 2 untouched/m)
  assert.match(back.stdout, /^ {2}S10\/shop undone$/m)
  const none = await runCli(['migrate', 'rollback', ...shop], scratch)
  assert.equal(none.code, 2)
  assert.match(none.stderr, /^error: the migration of shop was already taken back \(at 20/)
  assert.match(none.stderr, /nothing of it is left to take back; what was done is in \.meshbench/)
  const never = await runCli(['migrate', 'rollback', '-n', 'default', ...cluster], scratch)
  assert.equal(never.code, 2)
  assert.match(never.stderr, /knows no migration of default in this cluster/)
  const typo = await runCli(['migrate', 'status', '-n', 'shp', ...cluster], scratch)
  assert.equal(typo.code, 2)
  assert.match(typo.stderr, /has no namespace shp\n {2}hint: Did you mean shop\?/)
})
