import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Report } from '../../cluster/agent/container-process.ts'
import type { Takeover } from '../../cluster/agent/takeover.ts'
import { Takeovers } from '../../cluster/agent/takeovers.ts'
import { createStore } from '../../cluster/api/memory-store.ts'
import { createView } from '../../cluster/controllers/view.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { ProxyFeed } from '../../cluster/mesh/proxy-feed.ts'
import type { Workload } from '../../proxies/config/mesh-state.ts'
import { namespaceObject } from '../fixtures/running-core.ts'
import { workload } from '../support/sidecar-pair.ts'

/** A feed whose process is this test, which says when it confirms what. */
function feedOf() {
  let report: (report: Report) => void = () => {}
  let heard = 0
  const process = {
    isUp: true,
    configure: () => {},
    onReport: (listener: (report: Report) => void) => {
      report = listener
    },
  }
  const feed = new ProxyFeed(process, () => {
    heard += 1
  })
  const push = (server: Partial<Workload>): void =>
    feed.push({
      kind: 'sidecar',
      trustDomain: 'cluster.local',
      pod: { name: 'client', namespace: 'shop', ip: '127.77.1.1' },
      node: 'node-1',
      state: { workloads: [workload('server', '127.77.1.2', server)], services: [], policies: [] },
      local: [],
      certificates: [],
      admin: {
        admin: { host: '127.77.1.1', port: 15000 },
        stats: { host: '127.77.1.1', port: 15020 },
        readiness: { host: '127.77.1.1', port: 15021 },
      },
    })
  return { feed, push, report: (one: Report) => report(one), heard: () => heard }
}

const uid = 'Kubernetes//Pod/shop/server'

test('a proxy may use the old way until it has confirmed that nothing is under way there, however long it takes', () => {
  const { feed, push, report, heard } = feedOf()
  const ways = () => ({ hbone: feed.mayUseHbone(uid), tls: feed.mayUseTls(uid) })
  push({ protocol: 'HBONE' })
  assert.deepEqual(ways(), { hbone: true, tls: false }, 'it may have got it')
  report({ type: 'applied', version: 1 })
  report({ type: 'settled', version: 1 })

  push({ tlsMode: 'istio' })
  assert.deepEqual(ways(), { hbone: true, tls: true })
  report({ type: 'applied', version: 2 })
  assert.deepEqual(ways(), { hbone: true, tls: true }, 'a tunnel is still being opened')
  report({ type: 'settled', version: 2 })
  assert.deepEqual(ways(), { hbone: false, tls: true })
  assert.equal(heard(), 4)
})

test('a proxy that settles late on one snapshot has not settled on the next', () => {
  const { feed, push, report } = feedOf()
  push({ protocol: 'HBONE', status: 'Healthy' })
  push({ tlsMode: 'istio', status: 'Healthy' })
  push({ status: 'Unhealthy' })
  for (const version of [1, 2, 3]) report({ type: 'applied', version })
  report({ type: 'settled', version: 2 })
  assert.equal(feed.mayUseHbone(uid), false)
  assert.equal(feed.mayUseTls(uid), true)
  assert.equal(feed.mayChoose(uid), true)
  report({ type: 'settled', version: 3 })
  assert.equal(feed.mayUseTls(uid), false)
  assert.equal(feed.mayChoose(uid), false)
})

test('pods of a namespace are given back to peers together, once the slowest has all its sockets', () => {
  const store = createStore()
  const view = createView(store)
  store.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  const annotations = {
    'sidecar.istio.io/status': '{}',
    'meshbench.dev/sidecar': 'returning',
    'ambient.istio.io/redirection': 'enabled',
  }
  for (const name of ['fast', 'slow']) {
    const pod: Pod = {
      ...kinds.pod,
      metadata: { name, namespace: 'shop', annotations },
      spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'test/app' }] },
    }
    store.create(pod)
  }
  const pods = () => store.list<Pod>(kinds.pod, { namespace: 'shop' })
  const arrived = new Set<string>()
  const takeovers = new Takeovers({
    store,
    view,
    capture: {
      arrivedIn: (pod: string, state: Takeover | undefined) =>
        state === 'returning' && arrived.has(pod),
      hasTunnelEnd: () => true,
    },
    mesh: {
      workloadUid: (namespace, name) => `Kubernetes//Pod/${namespace}/${name}`,
      kindOf: () => 'sidecar',
      isReachedByTls: () => false,
    },
    disabled: false,
    onDue: () => {},
  })
  const states = () => pods().map(({ metadata }) => metadata.annotations?.['meshbench.dev/sidecar'])

  const [fast, slow] = pods()
  arrived.add(fast?.metadata.uid ?? '')
  takeovers.update(pods())
  assert.deepEqual(states(), ['returning', 'returning'])
  arrived.add(slow?.metadata.uid ?? '')
  takeovers.update(pods())
  assert.deepEqual(states(), [undefined, undefined])
  takeovers.stop()
  view.stop()
})
