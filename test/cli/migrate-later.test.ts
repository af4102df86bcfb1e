import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { migrationsFolder } from '../../migration/journal/folder.ts'
import { executionSchema } from '../../migration/result/execution.ts'
import { addPod, allSteps } from '../support/migration-stage.ts'
import { startCli } from '../support/run-cli.ts'
import { optionsFor, staged } from '../support/staged-run.ts'

const folder = mkdtempSync(join(tmpdir(), 'meshbench-later-'))
after(() => rmSync(folder, { recursive: true }))

test('what a migration has left for later, the same command looks at again', async (t) => {
  const stage = await staged(t)
  const steps = allSteps(stage.store).map((one) =>
    one.phase === 'S12'
      ? { ...one, requires: [{ check: 'no-sidecars' as const, namespace: 'shop' }] }
      : one,
  )
  const journalDirectory = join(folder, migrationsFolder)
  const first = await applyPlan(
    await stage.direct(),
    stage.plan(steps),
    optionsFor(stage, { journalDirectory }),
  )
  assert.equal(first.outcome, 'finished', first.reason)
  const run = (...more: readonly string[]) => {
    const argv = ['migrate', 'apply', '-n', 'shop', '--yes', '--kubeconfig', stage.kubeconfigPath]
    return startCli([...argv, ...more], { cwd: folder, timeoutMs: 60_000 }).finished
  }
  const early = await run()
  assert.equal(early.code, 0, early.stderr)
  assert.match(early.stderr, /^looks again at S12\/shop, which .* has left for later$/m)
  assert.match(early.stderr, /^ {4}left for later: 2 pods of shop have a sidecar: cart-1, cart-2$/m)
  assert.match(early.stdout, /^Finished, but for what waits for its time\.\nSteps: 8 of 9 stand/)
  assert.match(early.stdout, /^ {2}S12\/shop skipped: 2 pods of shop have a sidecar/m)
  assert.match(early.stdout, /^To look again: meshbench migrate apply --plan .*plan\.json$/m)

  for (const name of ['cart-1', 'cart-2']) {
    stage.store.delete({ ...kinds.pod, name, namespace: 'shop' }, { gracePeriodSeconds: 0 })
    addPod(stage.store, name)
  }
  const late = await run('--json')
  assert.equal(late.code, 0, late.stderr)
  const { outcome, steps: done } = executionSchema.parse(JSON.parse(late.stdout))
  assert.equal(outcome, 'finished')
  assert.ok(done.every((one) => one.outcome === 'verified'))
})
