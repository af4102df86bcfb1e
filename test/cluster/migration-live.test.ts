import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { eventually } from '../fixtures/http-get.ts'
import { migrating } from '../fixtures/migrating.ts'
import { clientAndTarget, serviceOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'

test('a namespace under load goes to ambient and back: no request lost, no pod restarted', async (t) => {
  const stage = await migrating(t)
  const { core, client } = stage
  const { client: caller } = await clientAndTarget(core)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const service = await serviceOf(core, caller)
  await eventually(service.host, service.port)
  const plan = await stage.plan()
  const load = new SteadyLoad(service)
  t.after(() => load.stop())
  await load.more(150)

  const waits: string[] = []
  const done = await applyPlan(client, plan, {
    journalDirectory: stage.journals,
    readDrift: () => stage.drift(plan),
    onEvent: (event) => {
      if (event.event === 'waiting') waits.push(event.text)
    },
  })
  assert.equal(done.outcome, 'finished', `${done.reason}; ${waits.join('; ')}`)
  assert.deepEqual(done.pods, { before: 2, untouched: 2, converted: 0, others: [] })
  const evidence = done.steps.find(({ id }) => id === 'S10/shop')?.evidence ?? []
  const told = evidence.join('\n')
  assert.match(
    told,
    /Namespace shop carries no istio-injection, no istio.io\/rev, istio.io\/dataplane-mode=ambient/,
  )
  assert.match(told, /2 of 2 pods have ambient.istio.io\/redirection=enabled/)
  assert.match(told, /2 of them have a sidecar without work/)
  assert.match(told, /2 ztunnels serve 2 pods of their nodes as HBONE, state Up/)
  assert.match(told, /ztunnel carries target: \d+ new connections? with mutual TLS/)
  assert.match(told, /2 pods of shop: same UID, restart counts and start times as before/)
  await load.more(300)

  const folder = join(stage.journals, plan.id)
  const back = await rollbackMigration(client, folder)
  assert.equal(back.outcome, 'rolled-back', back.reason)
  assert.deepEqual(back.pods, { before: 2, untouched: 2, converted: 0, others: [] })
  const home = core.store.get({ ...kinds.namespace, name: 'shop' })
  assert.deepEqual(home?.metadata.labels, {
    'kubernetes.io/metadata.name': 'shop',
    'istio-injection': 'enabled',
  })
  for (const pod of core.pods('shop')) {
    assert.equal(pod.metadata.annotations?.['meshbench.dev/sidecar'], undefined)
    assert.equal(pod.metadata.annotations?.['ambient.istio.io/redirection'], undefined)
  }
  await load.more(150)
  const { failures } = await load.stop()
  assert.deepEqual(failures, [])
  assert.deepEqual(core.notices, [])
})
