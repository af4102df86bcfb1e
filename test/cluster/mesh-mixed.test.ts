import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { eventually, get, getText } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
  serviceObject,
} from '../fixtures/running-core.ts'
import { addWaypoint, hostOf, images, metrics } from '../fixtures/shop.ts'
import { parseMetrics, total } from '../support/proxy-process.ts'

/** What a pod's template says. A `Deaf` sidecar is one that was not told to take HBONE. */
interface Template {
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
  /** Its Service is bound to a waypoint. */
  readonly fronted?: boolean
}

const injected = { 'sidecar.istio.io/inject': 'true' }
const ambient = { 'istio.io/dataplane-mode': 'ambient' }
const deaf = { 'proxy.istio.io/config': 'proxyMetadata: { ISTIO_META_ENABLE_HBONE: "false" }' }

/** As in a namespace that is being moved pod by pod. */
const SERVERS = {
  none: {},
  sidecarDeaf: { labels: injected, annotations: deaf },
  sidecar: { labels: injected },
  ambient: { labels: ambient },
  ambientFronted: { labels: ambient, fronted: true },
  sidecarFronted: { labels: injected, fronted: true },
  sidecarDeafFronted: { labels: injected, annotations: deaf, fronted: true },
} as const satisfies Record<string, Template>
const CLIENTS = { none: {}, sidecar: { labels: injected }, ambient: { labels: ambient } } as const

type Server = keyof typeof SERVERS
type Client = keyof typeof CLIENTS

/**
 * Whom the called pod's proxy sees: the client by its identity, the waypoint that is in between, or
 * nobody, which STRICT refuses. Sidecars speak mutual TLS to sidecars and HBONE to ambient pods and pass no
 * waypoint; ztunnels and waypoints know only HBONE, and plaintext for whoever does not.
 */
type Seen = 'client' | 'waypoint' | 'nobody' | 'nobody, through the waypoint'
const SEEN: Readonly<Record<Client, Readonly<Record<Exclude<Server, 'none'>, Seen>>>> = {
  none: {
    sidecarDeaf: 'nobody',
    sidecar: 'nobody',
    ambient: 'nobody',
    ambientFronted: 'nobody',
    sidecarFronted: 'nobody',
    sidecarDeafFronted: 'nobody',
  },
  sidecar: {
    sidecarDeaf: 'client',
    sidecar: 'client',
    ambient: 'client',
    ambientFronted: 'client',
    sidecarFronted: 'client',
    sidecarDeafFronted: 'client',
  },
  ambient: {
    sidecarDeaf: 'nobody',
    sidecar: 'client',
    ambient: 'client',
    ambientFronted: 'waypoint',
    sidecarFronted: 'waypoint',
    sidecarDeafFronted: 'nobody, through the waypoint',
  },
}

const clients = Object.keys(CLIENTS) as Client[]
const servers = Object.keys(SERVERS) as Server[]
const nameOf = (role: 'client' | 'target', kind: string): string =>
  `${role}-${kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

async function mixedMesh(t: TestContext): Promise<RunningCore> {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('one', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(namespaceObject('shop'))
  for (const kind of servers) {
    const { fronted = false }: Template = SERVERS[kind]
    const service = serviceObject('shop', nameOf('target', kind))
    const labels: Record<string, string> = fronted ? { 'istio.io/use-waypoint': 'waypoint' } : {}
    core.store.create({ ...service, metadata: { ...service.metadata, labels } })
    createPod(core, nameOf('target', kind), SERVERS[kind])
    beStrict(core, nameOf('target', kind))
  }
  for (const kind of clients) createPod(core, nameOf('client', kind), CLIENTS[kind])
  await addWaypoint(core, 'one')
  for (const kind of servers) await core.untilReady('shop', nameOf('target', kind), 1)
  for (const kind of clients) await core.untilReady('shop', nameOf('client', kind), 1)
  return core
}

/** With a service account of its own, so that its identity is too. */
function createPod(core: RunningCore, name: string, { labels, annotations }: Template): void {
  const app = appObject('shop', name, { node: 'one', ...(labels ? { labels } : {}) })
  const { metadata, spec } = app.spec.template
  core.store.create({ ...kinds.serviceAccount, metadata: { name, namespace: 'shop' } })
  core.store.create({
    ...app,
    spec: {
      ...app.spec,
      template: {
        metadata: { ...metadata, ...(annotations ? { annotations } : {}) },
        spec: { ...spec, serviceAccountName: name },
      },
    },
  })
}

function beStrict(core: RunningCore, app: string): void {
  core.store.create({
    ...kinds.peerAuthentication,
    metadata: { name: app, namespace: 'shop' },
    spec: { selector: { matchLabels: { app } }, mtls: { mode: 'STRICT' } },
  })
}

function isReachedUnderStrict(client: Client, server: Server): boolean {
  return server === 'none' || !SEEN[client][server].startsWith('nobody')
}

function podOf(core: RunningCore, app: string): Pod {
  const [pod] = core.pods('shop', app)
  assert.ok(pod)
  return pod
}

/** Where a client of one kind finds the service of another. */
function addressOf(core: RunningCore, client: Client, server: Server): string {
  return hostOf(core, podOf(core, nameOf('client', client)), nameOf('target', server))
}

async function counted(proxy: Pod, name: string, labels: Record<string, string>): Promise<number> {
  return total(parseMetrics(await metrics(proxy)), name, labels)
}

/** What the proxy in front of a target has counted so far, of callers that prove to be `account`. */
async function seenBy(core: RunningCore, server: Server, account?: string): Promise<number> {
  const target = nameOf('target', server)
  const hasSidecar = server.startsWith('sidecar')
  const [ztunnel] = core.pods('istio-system', 'ztunnel')
  assert.ok(ztunnel)
  const [proxy, counter] = hasSidecar
    ? [podOf(core, target), 'istio_requests_total']
    : [ztunnel, 'istio_tcp_connections_opened_total']
  return counted(proxy, counter, {
    reporter: 'destination',
    destination_workload: target,
    source_principal: account ? `spiffe://cluster.local/ns/shop/sa/${account}` : 'unknown',
    ...(account ? { connection_security_policy: 'mutual_tls' } : {}),
  })
}

async function untilMore(before: number, now: () => Promise<number>): Promise<void> {
  const deadlineMs = Date.now() + 5_000
  while ((await now()) <= before) {
    assert.ok(Date.now() < deadlineMs, 'the proxy in front of the pod saw somebody else')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('sidecars, ambient pods and pods outside reach one another as they do in Istio', async (t) => {
  const core = await mixedMesh(t)
  const waypoint = core.pods('shop').find(({ spec }) => spec.serviceAccountName === 'waypoint')
  assert.ok(waypoint)
  const passed = () => counted(waypoint, 'istio_requests_total', { reporter: 'waypoint' })

  /** On the way there the proxy in front of the pod counts the right caller, and only ztunnels pass a waypoint. */
  const reach = async (client: Client, server: Server): Promise<void> => {
    const host = addressOf(core, client, server)
    const seen = server === 'none' ? undefined : SEEN[client][server]
    const account = { client: nameOf('client', client), waypoint: 'waypoint' }[String(seen)]
    const before = seen === undefined ? undefined : await seenBy(core, server, account)
    const { pod } = await eventually(host, 80)
    assert.equal(pod, podOf(core, nameOf('target', server)).metadata.name)
    if (before !== undefined) await untilMore(before, () => seenBy(core, server, account))
    const passedBefore = await passed()
    await get(host, 80)
    const through = seen?.includes('waypoint') ? 1 : 0
    if (through > 0) await untilMore(passedBefore, passed)
    assert.equal((await passed()) - passedBefore, through)
  }

  // First the clients that reach all, so that what is refused later is there to be reached.
  for (const client of ['sidecar', 'ambient', 'none'] as const) {
    for (const server of servers) {
      if (isReachedUnderStrict(client, server)) {
        const who = server === 'none' ? '' : `, which sees the ${SEEN[client][server]}`
        await t.test(`STRICT: ${client} reaches ${server}${who}`, () => reach(client, server))
      } else {
        await t.test(`STRICT: ${client} does not reach ${server}`, async () => {
          for (let times = 0; times < 5; times += 1) {
            await assert.rejects(get(addressOf(core, client, server), 80))
          }
        })
      }
    }
  }
  for (const kind of servers) {
    const place = { namespace: 'shop', name: nameOf('target', kind) }
    core.store.delete({ ...kinds.peerAuthentication, ...place })
  }
  for (const client of clients) {
    for (const server of servers) {
      const where = addressOf(core, client, server)
      await t.test(`PERMISSIVE: ${client} reaches ${server}`, async () => {
        if (isReachedUnderStrict(client, server)) await eventually(where, 80)
        else await reach(client, server)
      })
    }
  }
  await t.test('the label and the registry say who takes HBONE', async () => {
    const [ztunnel] = core.pods('istio-system', 'ztunnel')
    const dump = JSON.parse(await getText(ztunnel?.status?.podIP ?? '', 15000, '/config_dump')) as {
      workloads: { name: string; protocol: string; nativeTunnel?: boolean }[]
    }
    const said = Object.fromEntries(
      servers.map((kind) => {
        const { name, labels } = podOf(core, nameOf('target', kind)).metadata
        const workload = dump.workloads.find((one) => one.name === name)
        const label = labels?.['networking.istio.io/tunnel']
        return [kind, [label, workload?.protocol, workload?.nativeTunnel]]
      }),
    )
    assert.deepEqual(said, {
      none: [undefined, 'TCP', undefined],
      sidecarDeaf: [undefined, 'TCP', undefined],
      sidecar: ['http', 'HBONE', true],
      ambient: [undefined, 'HBONE', undefined],
      ambientFronted: [undefined, 'HBONE', undefined],
      sidecarFronted: ['http', 'HBONE', true],
      sidecarDeafFronted: [undefined, 'TCP', undefined],
    })
  })

  assert.deepEqual(core.notices, [])
})
