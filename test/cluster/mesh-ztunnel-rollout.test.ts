import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DaemonSet, kinds, type Pod } from '../../cluster/kinds.ts'
import { eventually } from '../fixtures/http-get.ts'
import {
  isReady,
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { clientAndTarget, images, serviceOf } from '../fixtures/shop.ts'
import { HAND_OVER, SteadyLoad } from '../fixtures/steady-load.ts'

/** As `kubectl rollout restart` does it. */
function restart(core: RunningCore, at: string): void {
  core.store.mutate<DaemonSet>(
    { ...kinds.daemonSet, name: 'ztunnel', namespace: 'istio-system' },
    (set) => {
      const { template } = set.spec
      const annotations = {
        ...template.metadata?.annotations,
        'kubectl.kubernetes.io/restartedAt': at,
      }
      const metadata = { ...template.metadata, annotations }
      return { ...set, spec: { ...set.spec, template: { ...template, metadata } } }
    },
  )
}

async function ambientShop(t: Parameters<typeof runningCore>[0]) {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('client', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(nodeObject('server', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(namespaceObject('shop', { 'istio.io/dataplane-mode': 'ambient' }))
  const { client } = await clientAndTarget(core)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  return { core, service }
}

test('a rollout of the ztunnels loses no request and breaks no kept connection', async (t) => {
  const { core, service } = await ambientShop(t)
  const old = new Set(core.pods('istio-system', 'ztunnel').map(({ metadata }) => metadata.uid))
  const load = new SteadyLoad(service, HAND_OVER)
  t.after(() => load.stop())
  await load.more(500)
  const lonely: string[] = []
  core.store.watch<Pod>(kinds.pod, { namespace: 'istio-system' }, () => {
    for (const node of ['client', 'server']) {
      const ready = core
        .pods('istio-system', 'ztunnel')
        .some((pod) => pod.spec.nodeName === node && isReady(pod))
      if (!ready) lonely.push(node)
    }
  })
  restart(core, '2026-11-23T08:00:00Z')
  await core.until('every old ztunnel on its way out', kinds.pod, () => {
    const pods = core.pods('istio-system', 'ztunnel').filter(isReady)
    const fresh = pods.filter(({ metadata }) => !old.has(metadata.uid))
    const rest = pods.filter(({ metadata }) => old.has(metadata.uid))
    return fresh.length === 2 && rest.every(({ metadata }) => metadata.deletionTimestamp)
  })
  await load.more(1_000)
  const { failures, retried, answered, perSecond } = await load.stop()
  t.diagnostic(`${answered} requests, ${Math.round(perSecond)}/s`)
  assert.deepEqual(failures, [])
  assert.equal(retried, 0, 'kept connections live on in the ztunnels that took them')
  assert.deepEqual(lonely, [], 'every node has a ready ztunnel at every moment')
  await core.until('only new ztunnels', kinds.pod, () => {
    const pods = core.pods('istio-system', 'ztunnel')
    return pods.length === 2 && pods.every(({ metadata }) => !old.has(metadata.uid))
  })
  assert.deepEqual(core.notices, [])
})

test('a new ztunnel that never gets ready leaves the old one in place', async (t) => {
  const { core, service } = await ambientShop(t)
  const old = core.pods('istio-system', 'ztunnel').map(({ metadata }) => metadata.uid)
  core.store.mutate<DaemonSet>(
    { ...kinds.daemonSet, name: 'ztunnel', namespace: 'istio-system' },
    (set) => {
      const { template } = set.spec
      const containers = template.spec.containers.map((container) => ({
        ...container,
        readinessProbe: { ...container.readinessProbe, httpGet: { path: '/no', port: 15021 } },
      }))
      const spec = { ...template.spec, containers }
      return { ...set, spec: { ...set.spec, template: { ...template, spec } } }
    },
  )
  await core.until('a new ztunnel that runs', kinds.pod, () =>
    core
      .pods('istio-system', 'ztunnel')
      .find(({ metadata, status }) => !old.includes(metadata.uid) && status?.phase === 'Running'),
  )
  const load = new SteadyLoad(service)
  t.after(() => load.stop())
  await load.more(150)
  assert.deepEqual((await load.stop()).failures, [])
  const ready = core.pods('istio-system', 'ztunnel').filter(isReady)
  assert.deepEqual(ready.map(({ metadata }) => metadata.uid).sort(), [...old].sort())
})
