import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds, type Namespace, type Pod } from '../../cluster/kinds.ts'
import { eventually, get, getText } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  pidOf,
  type RunningCore,
  runningCore,
  serviceObject,
} from '../fixtures/running-core.ts'
import { hostOf, images } from '../fixtures/shop.ts'
import { HAND_OVER, SteadyLoad } from '../fixtures/steady-load.ts'

const redirection = 'ambient.istio.io/redirection'

function label(core: RunningCore, mode: 'ambient' | undefined): void {
  core.store.mutate<Namespace>({ ...kinds.namespace, name: 'shop' }, (namespace) => {
    const { 'istio.io/dataplane-mode': _, ...labels } = namespace.metadata.labels ?? {}
    const next = mode === undefined ? labels : { ...labels, 'istio.io/dataplane-mode': mode }
    return { ...namespace, metadata: { ...namespace.metadata, labels: next } }
  })
}

const enrolled = (pods: readonly Pod[]): boolean =>
  pods.every(({ metadata }) => metadata.annotations?.[redirection] === 'enabled')

const left = (pods: readonly Pod[]): boolean =>
  pods.every(({ metadata }) => metadata.annotations?.[redirection] === undefined)

interface Dump {
  readonly workloadState: object
  readonly workloads: readonly { namespace: string; protocol: string; nativeTunnel?: boolean }[]
}

async function dumpOf({ status }: Pod): Promise<Dump> {
  return JSON.parse(await getText(status?.podIP ?? '', 15000, '/config_dump')) as Dump
}

/** Restart count, start and process of every pod: what must not change. */
function identity(pods: readonly Pod[]): unknown {
  return pods
    .map((pod) => [
      pod.metadata.uid,
      pidOf(pod),
      pod.status?.startTime,
      pod.status?.containerStatuses?.[0]?.restartCount,
    ])
    .sort()
}

test('a label enrols running pods and takes them back, under load and without touching a process', async (t) => {
  const core = await runningCore(t, { images })
  const withZtunnel = { 'meshbench.dev/ztunnel': 'true' }
  core.store.create(nodeObject('client', withZtunnel))
  core.store.create(nodeObject('server', withZtunnel))
  core.store.create(namespaceObject('shop'))
  core.store.create(serviceObject('shop', 'target'))
  core.store.create(appObject('shop', 'target', { node: 'server', replicas: 2 }))
  core.store.create(appObject('shop', 'client', { node: 'client' }))
  await core.untilReady('istio-system', 'ztunnel', 2)
  await core.untilReady('shop', 'target', 2)
  const [client] = await core.untilReady('shop', 'client', 1)
  const host = hostOf(core, client)
  await eventually(host, 80)
  const before = identity(core.pods('shop'))

  const load = new SteadyLoad({ host, port: 80 }, HAND_OVER)
  t.after(() => load.stop())
  await load.more(500)
  label(core, 'ambient')
  await core.until('all pods enrolled', kinds.pod, () => enrolled(core.pods('shop')))
  await load.more(1_000)
  const ztunnels = core.pods('istio-system', 'ztunnel')
  const counters = await Promise.all(
    ztunnels.map(({ status }) => getText(status?.podIP ?? '', 15020, '/metrics')),
  )
  for (const text of counters)
    assert.match(text, /istio_tcp_connections_opened_total\{.*mutual_tls/)
  const dumps = await Promise.all(ztunnels.map(dumpOf))
  assert.deepEqual(
    Object.fromEntries(dumps.flatMap(({ workloadState }) => Object.entries(workloadState))),
    Object.fromEntries(
      core.pods('shop').map(({ metadata: { uid = '', name } }) => {
        const info = { name, namespace: 'shop', serviceAccount: 'default' }
        return [uid, { state: 'Up', info }]
      }),
    ),
  )
  for (const { workloads } of dumps) {
    const shop = workloads.filter(({ namespace }) => namespace === 'shop')
    assert.deepEqual(
      shop.map(({ protocol, nativeTunnel }) => [protocol, nativeTunnel]),
      core.pods('shop').map(() => ['HBONE', undefined]),
    )
  }

  label(core, undefined)
  await core.until('all pods left', kinds.pod, () => left(core.pods('shop')))
  await load.more(1_000)
  const { failures, answered, perSecond } = await load.stop()
  t.diagnostic(`${answered} requests, ${Math.round(perSecond)}/s`)
  assert.deepEqual(failures, [])
  assert.deepEqual(identity(core.pods('shop')), before)
  assert.deepEqual(core.notices, [])
})

test('a pod born in ambient is not ready until a ztunnel serves it', async (t) => {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop', { 'istio.io/dataplane-mode': 'ambient' }))
  core.store.create(appObject('shop', 'app'))
  const waiting = await core.until('a pod that waits', kinds.pod, () =>
    core
      .pods('shop', 'app')
      .find(({ status }) =>
        status?.conditions?.some(
          ({ type, reason }) => type === 'Ready' && reason === 'ProxyNotReady',
        ),
      ),
  )
  assert.equal(waiting.metadata.annotations?.[redirection], 'pending')
  const podIp = waiting.status?.podIP ?? ''
  await assert.rejects(get(podIp, 8080), { code: 'ECONNREFUSED' })
  core.store.mutate({ ...kinds.node, name: 'one' }, (node) => {
    const labels = { ...node.metadata.labels, 'meshbench.dev/ztunnel': 'true' }
    return { ...node, metadata: { ...node.metadata, labels } }
  })
  const [ready] = await core.untilReady('shop', 'app', 1)
  assert.equal(pidOf(ready ?? waiting), pidOf(waiting))
  assert.equal((await get(podIp, 8080)).pod, waiting.metadata.name)
})
