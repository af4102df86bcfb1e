import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTrue } from '../../cluster/controllers/conditions.ts'
import { type Gateway, kinds, type Pod } from '../../cluster/kinds.ts'
import { eventually, get } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
  serviceObject,
} from '../fixtures/running-core.ts'
import { images, metrics } from '../fixtures/shop.ts'

/** Labels of the pods of each kind, as in a namespace that is being moved pod by pod. */
const MODES = {
  none: {},
  sidecar: { 'sidecar.istio.io/inject': 'true' },
  ambient: { 'istio.io/dataplane-mode': 'ambient' },
  waypoint: { 'istio.io/dataplane-mode': 'ambient' },
} as const
type Mode = keyof typeof MODES
const CLIENTS = ['none', 'sidecar', 'ambient'] as const
const SERVERS = ['none', 'sidecar', 'ambient', 'waypoint'] as const

/**
 * Who reaches whom under STRICT (istio/istio: sidecars speak mutual TLS to sidecars and HBONE to ambient
 * pods, a ztunnel knows only HBONE, so to a sidecar it is plaintext). Under PERMISSIVE everybody does.
 */
const STRICT: Readonly<Record<(typeof CLIENTS)[number], readonly Mode[]>> = {
  none: ['none'],
  sidecar: SERVERS,
  ambient: ['none', 'ambient', 'waypoint'],
}

async function mixedMesh(t: { after(run: () => Promise<void>): void }): Promise<RunningCore> {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('one', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(namespaceObject('shop'))
  for (const mode of SERVERS) {
    const service = serviceObject('shop', `target-${mode}`)
    const labels: Record<string, string> =
      mode === 'waypoint' ? { 'istio.io/use-waypoint': 'waypoint' } : {}
    core.store.create({ ...service, metadata: { ...service.metadata, labels } })
    core.store.create(appObject('shop', `target-${mode}`, { node: 'one', labels: MODES[mode] }))
  }
  for (const mode of CLIENTS) {
    core.store.create(appObject('shop', `client-${mode}`, { node: 'one', labels: MODES[mode] }))
  }
  core.store.create({
    ...kinds.gateway,
    metadata: {
      name: 'waypoint',
      namespace: 'shop',
      annotations: { 'meshbench.dev/node': 'one' },
    },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }],
    },
  })
  await core.until('a programmed gateway', kinds.gateway, () =>
    core.store
      .list<Gateway>(kinds.gateway)
      .some(({ status }) => isTrue(status?.conditions, 'Programmed')),
  )
  for (const mode of SERVERS) await core.untilReady('shop', `target-${mode}`, 1)
  for (const mode of CLIENTS) await core.untilReady('shop', `client-${mode}`, 1)
  return core
}

function podOf(core: RunningCore, app: string): Pod {
  const [pod] = core.pods('shop', app)
  assert.ok(pod)
  return pod
}

/** Where a client of one kind finds the service of another. */
function addressOf(core: RunningCore, client: Mode, server: Mode): string {
  const { uid } = podOf(core, `client-${client}`).metadata
  const runner = core.agents.runners().find((one) => one.uid === uid)
  return runner?.captures.get(`shop/target-${server}`) ?? ''
}

async function untilRefused(host: string, port: number): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  for (;;) {
    const answer = await get(host, port).then(
      ({ pod }) => pod,
      () => undefined,
    )
    if (answer === undefined) return
    assert.ok(Date.now() < deadlineMs, `${answer} still answers`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function waypointRequests(text: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith('istio_requests_total{'))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

test('sidecars, ambient pods and pods outside reach one another as they do in Istio', async (t) => {
  const core = await mixedMesh(t)
  const waypoint = core.pods('shop').find(({ spec }) => spec.serviceAccountName === 'waypoint')
  assert.ok(waypoint)

  for (const client of CLIENTS) {
    for (const server of SERVERS) {
      await t.test(`PERMISSIVE: ${client} reaches ${server}`, async () => {
        const host = addressOf(core, client, server)
        await eventually(host, 80)
        const before = waypointRequests(await metrics(waypoint))
        const { pod } = await get(host, 80)
        assert.equal(pod, podOf(core, `target-${server}`).metadata.name)
        // Only ztunnels send through waypoints: sidecars and plain pods go straight to the pod.
        const through = waypointRequests(await metrics(waypoint)) - before
        assert.equal(through, client === 'ambient' && server === 'waypoint' ? 1 : 0)
      })
    }
  }

  for (const mode of ['sidecar', 'ambient', 'waypoint']) {
    core.store.create({
      ...kinds.peerAuthentication,
      metadata: { name: mode, namespace: 'shop' },
      spec: {
        selector: { matchLabels: { app: `target-${mode}` } },
        mtls: { mode: 'STRICT' },
      },
    })
  }
  for (const client of CLIENTS) {
    for (const server of SERVERS) {
      const reached = STRICT[client].includes(server)
      await t.test(
        `STRICT: ${client} ${reached ? 'reaches' : 'does not reach'} ${server}`,
        async () => {
          const host = addressOf(core, client, server)
          if (reached) await eventually(host, 80)
          else await untilRefused(host, 80)
        },
      )
    }
  }
  assert.deepEqual(core.notices, [])
})
