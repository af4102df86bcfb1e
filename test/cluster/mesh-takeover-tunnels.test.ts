import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kinds, type Namespace, type Pod } from '../../cluster/kinds.ts'
import { eventually, getText } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
  serviceObject,
} from '../fixtures/running-core.ts'
import { addWaypoint, hostOf, images, metrics } from '../fixtures/shop.ts'
import { HAND_OVER, SteadyLoad } from '../fixtures/steady-load.ts'
import { parseMetrics, total } from '../support/proxy-process.ts'

const takeover = 'meshbench.dev/sidecar'
const redirection = 'ambient.istio.io/redirection'
const injected = { 'istio-injection': 'enabled' }
const ambient = { 'istio.io/dataplane-mode': 'ambient' }

/** Half of the requests go to the Service behind the waypoint, half past it. */
const HALF_OF_HAND_OVER = {
  keptPerSecond: HAND_OVER.keptPerSecond / 2,
  freshPerSecond: HAND_OVER.freshPerSecond / 2,
}

/** Two replicas with sidecars that take HBONE under STRICT, and an ambient caller of another namespace. */
async function strictShop(core: RunningCore): Promise<Pod> {
  for (const node of ['client', 'server']) {
    core.store.create(nodeObject(node, { 'meshbench.dev/ztunnel': 'true' }))
  }
  core.store.create(namespaceObject('shop', injected))
  core.store.create(namespaceObject('calm', ambient))
  core.store.create({
    ...kinds.peerAuthentication,
    metadata: { name: 'default', namespace: 'shop' },
    spec: { mtls: { mode: 'STRICT' } },
  })
  core.store.create(serviceObject('shop', 'target'))
  const fronted = serviceObject('shop', 'fronted', 'target')
  const labels = { 'istio.io/use-waypoint': 'waypoint' }
  core.store.create({ ...fronted, metadata: { ...fronted.metadata, labels } })
  core.store.create(appObject('shop', 'target', { node: 'server', replicas: 2 }))
  const caller = appObject('calm', 'caller', { node: 'client' })
  const { metadata, spec } = caller.spec.template
  const annotations = { 'meshbench.dev/calls': 'target.shop,fronted.shop' }
  const template = { metadata: { ...metadata, annotations }, spec }
  core.store.create({ ...caller, spec: { ...caller.spec, template } })
  await addWaypoint(core, 'server')
  await core.untilReady('istio-system', 'ztunnel', 2)
  await core.untilReady('shop', 'target', 2)
  const [pod] = await core.untilReady('calm', 'caller', 1)
  assert.ok(pod)
  return pod
}

/** Requests that the sidecars of the target have served, by whom they came from. */
async function servedBySidecars(core: RunningCore, account: string): Promise<number> {
  const texts = await Promise.all(core.pods('shop', 'target').map(metrics))
  const labels = {
    reporter: 'destination',
    source_principal: `spiffe://cluster.local/ns/${account}`,
  }
  return texts
    .map((text) => total(parseMetrics(text), 'istio_requests_total', labels))
    .reduce((sum, count) => sum + count, 0)
}

test('ambient callers and a waypoint follow STRICT sidecars to ambient and back without a lost request', async (t) => {
  const core = await runningCore(t, { images })
  const caller = await strictShop(core)
  const loads: SteadyLoad[] = []
  t.after(() => Promise.all(loads.map((load) => load.stop())))
  for (const name of ['target', 'fronted']) {
    const address = { host: hostOf(core, caller, name), port: 80 }
    await eventually(address.host, address.port)
    loads.push(new SteadyLoad(address, HALF_OF_HAND_OVER))
  }
  const more = (count: number) => Promise.all(loads.map((load) => load.more(count)))
  const relabel = (labels: Record<string, string>): void => {
    core.store.mutate<Namespace>({ ...kinds.namespace, name: 'shop' }, (namespace) => ({
      ...namespace,
      metadata: { ...namespace.metadata, labels },
    }))
  }
  const until = (what: string, matches: (own: Record<string, string>) => boolean) =>
    core.until(what, kinds.pod, () =>
      core.pods('shop', 'target').every(({ metadata }) => matches(metadata.annotations ?? {})),
    )
  const callers = ['calm/sa/default', 'shop/sa/waypoint']
  const served = () => Promise.all(callers.map((account) => servedBySidecars(core, account)))

  await more(150)
  const atFirst = await served()
  assert.ok(
    atFirst.every((count) => count > 0),
    `the sidecars know their callers: ${atFirst}`,
  )

  relabel(ambient)
  await until('sidecars that drain', (own) => own[takeover] === 'draining')
  await more(800)
  const drained = await served()
  await more(100)
  assert.deepEqual(await served(), drained, 'nothing passes the sidecars any more')

  relabel(injected)
  await until(
    'sidecars that serve again',
    (own) => own[takeover] === undefined && own[redirection] === undefined,
  )
  // Connections that are kept stay with the ztunnel until it has drained.
  let again = await served()
  while (again.some((count, at) => count <= (drained[at] ?? 0))) {
    await more(100)
    again = await served()
  }
  await more(500)
  for (const load of loads) {
    const { failures, answered, perSecond } = await load.stop()
    t.diagnostic(`${answered} requests, ${Math.round(perSecond)}/s`)
    assert.deepEqual(failures, [])
  }
  assert.deepEqual(core.notices, [])
})

/** Which process has the tunnels of a pod of the target, by what proxies say that they serve. */
async function tunnelEnds(core: RunningCore): Promise<readonly string[]> {
  const proxies = [...core.pods('shop', 'target'), ...core.pods('istio-system', 'ztunnel')]
  const ends = await Promise.all(
    proxies.map(async ({ metadata, spec, status }) => {
      if (metadata.labels?.app === 'ztunnel' && spec.nodeName !== 'server') return []
      const dump = JSON.parse(await getText(status?.podIP ?? '', 15_000, '/config_dump'))
      const { listeners, kind } = dump as { listeners: readonly string[]; kind: string }
      return listeners.filter((id) => id.startsWith('hbone/')).map(() => kind)
    }),
  )
  return ends.flat()
}

test('a sidecar keeps its tunnels until every proxy has said that it knows better, however late', async (t) => {
  const core = await runningCore(t, { images })
  await strictShop(core)
  const [late] = core.agents
    .runners()
    .filter(({ pod, node }) => pod.metadata.labels?.app === 'ztunnel' && node === 'client')
    .flatMap((runner) => runner.processes())
  assert.ok(late)
  // It sends nothing either, but another proxy that is only late to read what it is told might.
  late.process.kill('SIGSTOP')
  t.after(async () => late.process.kill('SIGCONT'))
  core.store.mutate<Namespace>({ ...kinds.namespace, name: 'shop' }, (namespace) => ({
    ...namespace,
    metadata: { ...namespace.metadata, labels: ambient },
  }))
  const until = (what: string, state: string) =>
    core.until(what, kinds.pod, () =>
      core
        .pods('shop', 'target')
        .every(
          ({ metadata: { annotations } }) =>
            annotations?.[takeover] === state && annotations[redirection] === 'enabled',
        ),
    )
  await until('sidecars that tell their peers', 'leaving')
  // Of all others the acknowledgements are in by now, or do not matter.
  await sleep(1_000)
  assert.deepEqual(await tunnelEnds(core), ['sidecar', 'sidecar'])
  await until('still', 'leaving')

  late.process.kill('SIGCONT')
  await until('sidecars that drain', 'draining')
  while ((await tunnelEnds(core)).join() !== 'ztunnel,ztunnel') await sleep(50)
})
