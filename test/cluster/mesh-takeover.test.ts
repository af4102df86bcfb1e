import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextTakeover, type TakeoverFacts } from '../../cluster/agent/takeover.ts'
import { kinds, type Namespace, type Node, type Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { eventually } from '../fixtures/http-get.ts'
import {
  namespaceObject,
  nodeObject,
  pidOf,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { clientAndTarget, images, metrics, serviceOf } from '../fixtures/shop.ts'
import { HAND_OVER, SteadyLoad } from '../fixtures/steady-load.ts'

interface Noted extends KubeObject {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly involvedObject: { readonly name: string }
}

const takeover = 'meshbench.dev/sidecar'
const redirection = 'ambient.istio.io/redirection'
const injected = { 'istio-injection': 'enabled' }
const ambient = { 'istio.io/dataplane-mode': 'ambient' }

function relabel(core: RunningCore, labels: Record<string, string>): void {
  core.store.mutate<Namespace>({ ...kinds.namespace, name: 'shop' }, (namespace) => ({
    ...namespace,
    metadata: { ...namespace.metadata, labels },
  }))
}

async function sidecarShop(
  t: Parameters<typeof runningCore>[0],
  { istioSemantics = false, hbone = true } = {},
) {
  const core = await runningCore(t, { images, istioSemantics })
  if (!hbone) {
    const mesh = { apiVersion: 'v1', kind: 'ConfigMap', name: 'istio', namespace: 'istio-system' }
    core.store.mutate(mesh, (map) => ({ ...map, data: { mesh: 'trustDomain: cluster.local' } }))
  }
  core.store.create(nodeObject('client', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(nodeObject('server', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(namespaceObject('shop', injected))
  const { client, target } = await clientAndTarget(core)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  return { core, service, target }
}

/** What must not change: every process of every pod. */
function processes(core: RunningCore): unknown {
  return core
    .pods('shop')
    .map((pod) => [
      pod.metadata.uid,
      pidOf(pod),
      pod.status?.initContainerStatuses?.[0]?.containerID,
      pod.status?.initContainerStatuses?.[0]?.restartCount,
    ])
    .sort()
}

const all = (core: RunningCore, matches: (annotations: Record<string, string>) => boolean) =>
  core.pods('shop').every(({ metadata }) => matches(metadata.annotations ?? {}))

async function requestsAt(pod: Pod): Promise<number> {
  const lines = (await metrics(pod)).split('\n')
  return lines
    .filter((line) => line.startsWith('istio_requests_total{'))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

for (const { mode, hbone } of [
  { mode: 'PERMISSIVE', hbone: true },
  { mode: 'STRICT', hbone: true },
  { mode: 'STRICT', hbone: false },
]) {
  const whose = hbone ? '' : ' whose sidecars take no HBONE'
  test(`under ${mode} a running namespace${whose} goes from sidecars to ambient and back without a lost request`, async (t) => {
    const { core, service, target } = await sidecarShop(t, { hbone })
    core.store.create({
      ...kinds.peerAuthentication,
      metadata: { name: 'default', namespace: 'shop' },
      spec: { mtls: { mode } },
    })
    const before = processes(core)
    const load = new SteadyLoad(service, HAND_OVER)
    t.after(() => load.stop())
    await load.more(500)

    relabel(core, ambient)
    await core.until('sidecars that drain', kinds.pod, () =>
      all(core, (own) => own[takeover] === 'draining' && own[redirection] === 'enabled'),
    )
    await load.more(1_600)
    const atSidecar = await requestsAt(target)
    await load.more(500)
    assert.equal(await requestsAt(target), atSidecar, 'nothing passes the sidecar any more')
    assert.ok(all(core, (own) => own['sidecar.istio.io/status'] !== undefined))

    relabel(core, injected)
    await core.until('sidecars that serve again', kinds.pod, () =>
      all(core, (own) => own[takeover] === undefined && own[redirection] === undefined),
    )
    await load.more(1_600)
    const { failures, closedByAnswer, answered, perSecond } = await load.stop()
    t.diagnostic(`${answered} requests, ${Math.round(perSecond)}/s`)
    assert.deepEqual(failures, [])
    assert.ok(closedByAnswer > 0, 'the sidecar asked kept connections to move on')
    assert.ok((await requestsAt(target)) > atSidecar, 'the sidecar serves again')
    assert.deepEqual(processes(core), before)
    assert.deepEqual(core.notices, [])
  })
}

test('a node without a ztunnel keeps the whole namespace at its sidecars, and every pod says so', async (t) => {
  const { core } = await sidecarShop(t)
  const kind = { ...kinds.node, name: 'server' }
  const label = (labels: Record<string, string>): void => {
    core.store.mutate<Node>(kind, (node) => ({ ...node, metadata: { ...node.metadata, labels } }))
  }
  const { labels = {} } = core.store.get<Node>(kind)?.metadata ?? {}
  const { 'meshbench.dev/ztunnel': _, ...without } = labels
  label(without)
  await core.until(
    'one ztunnel',
    kinds.pod,
    () =>
      core.pods('istio-system').filter(({ metadata }) => metadata.labels?.app === 'ztunnel')
        .length === 1,
  )

  relabel(core, ambient)
  const waiting = () =>
    core.store
      .list<Noted>(kinds.event, { namespace: 'shop' })
      .filter(({ reason }) => reason === 'TakeoverWaiting')
  await core.until(
    'an event of every pod',
    kinds.event,
    () => waiting().length === core.pods('shop').length,
  )
  for (const { type, message } of waiting()) {
    assert.equal(type, 'Warning')
    assert.match(message, /no ztunnel is ready on node server,.*meshbench\.dev\/ztunnel=true/)
  }
  assert.deepEqual(
    new Set(waiting().map(({ involvedObject }) => involvedObject.name)),
    new Set(core.pods('shop').map(({ metadata }) => metadata.name)),
  )
  assert.ok(all(core, (own) => own[takeover] === 'leaving'))

  label(labels)
  await core.until('sidecars that drain', kinds.pod, () =>
    all(core, (own) => own[takeover] === 'draining' && own[redirection] === 'enabled'),
  )
  assert.ok(waiting().length <= 2 * core.pods('shop').length, 'said once, not at every look')
})

test('with the semantics of Istio running pods keep their sidecars', async (t) => {
  const { core, service, target } = await sidecarShop(t, { istioSemantics: true })
  relabel(core, ambient)
  const before = await requestsAt(target)
  for (let requests = 0; requests < 20; requests += 1) {
    await eventually(service.host, service.port)
  }
  assert.equal(await requestsAt(target), before + 20)
  assert.ok(all(core, (own) => own[takeover] === undefined && own[redirection] === undefined))
})

test('a namespace that still asks for sidecars keeps them, whatever else it asks for', async (t) => {
  const { core, service, target } = await sidecarShop(t)
  relabel(core, { ...ambient, ...injected })
  const before = await requestsAt(target)
  for (let requests = 0; requests < 20; requests += 1) {
    await eventually(service.host, service.port)
  }
  assert.equal(await requestsAt(target), before + 20)
})

test('a takeover goes one way until it is no longer wanted, and only settled states are left', () => {
  const facts = (change: Partial<TakeoverFacts>): TakeoverFacts => ({
    wanted: true,
    announced: false,
    drained: false,
    settled: false,
    ...change,
  })
  assert.equal(nextTakeover(undefined, facts({})), 'leaving')
  assert.equal(nextTakeover('leaving', facts({ settled: true })), 'leaving')
  assert.equal(nextTakeover('leaving', facts({ announced: true })), 'draining')
  assert.equal(nextTakeover('draining', facts({ settled: true })), 'draining')
  assert.equal(nextTakeover('draining', facts({ drained: true })), 'idle')
  assert.equal(nextTakeover('idle', facts({})), 'idle')
  for (const state of ['leaving', 'draining', 'idle'] as const) {
    assert.equal(nextTakeover(state, facts({ wanted: false })), 'returning')
  }
  assert.equal(nextTakeover('returning', facts({ wanted: false })), 'returning')
  assert.equal(nextTakeover('returning', facts({ wanted: false, settled: true })), undefined)
  assert.equal(nextTakeover('returning', facts({})), 'leaving')
})
