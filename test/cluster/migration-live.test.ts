import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { kinds } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { seriesOf } from '../../migration/inventory/metrics.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { carriedBy } from '../../migration/verify/ztunnel-metrics.ts'
import { eventually, get } from '../fixtures/http-get.ts'
import { migrating } from '../fixtures/migrating.ts'
import type { RunningCore } from '../fixtures/running-core.ts'
import { clientAndTarget, metrics, serviceOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'

/** On connections of their own. */
async function callAfresh(
  service: { readonly host: string; readonly port: number },
  times: number,
): Promise<void> {
  for (let call = 0; call < times; call += 1) await get(service.host, service.port)
}

/**
 * What the two proxies of the target have taken so far: its ztunnel by mutual TLS, its sidecar. Whatever
 * else a ztunnel finds in the queue of a socket that it took over, attempts that were given up, is neither.
 */
async function carried(core: RunningCore, client: ClusterClient) {
  const [target] = core.pods('shop', 'target')
  const sidecar = target ? await metrics(target) : ''
  const ztunnels = core.pods('istio-system', 'ztunnel')
  const { mutualTls = 0 } = (await carriedBy(client, ztunnels, 'shop')).get('target') ?? {}
  const requests = [...seriesOf(sidecar, ['istio_requests_total'])]
  return { ztunnel: mutualTls, sidecar: requests.reduce((sum, { value }) => sum + value, 0) }
}

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
  await load.more(500)
  assert.deepEqual((await load.stop()).failures, [])

  const before = await carried(core, client)
  await callAfresh(service, 200)
  const after = await carried(core, client)
  assert.deepEqual(after, { ...before, ztunnel: before.ztunnel + 200 }, 'ambient carries them all')

  const loadBack = new SteadyLoad(service)
  t.after(() => loadBack.stop())
  await loadBack.more(150)
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
  await loadBack.more(500)
  const { failures } = await loadBack.stop()
  assert.deepEqual(failures, [])
  const restored = await carried(core, client)
  await callAfresh(service, 50)
  const last = await carried(core, client)
  assert.deepEqual(last, { ...restored, sidecar: restored.sidecar + 50 }, 'none goes on in ambient')
  assert.deepEqual(core.notices, [])
})
