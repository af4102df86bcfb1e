import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type Deployment, kinds, type Pod } from '../../cluster/kinds.ts'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { HBONE_ALPN, HBONE_PORT } from '../../proxies/hbone/settings.ts'
import { HTTP_ALPN } from '../../proxies/http/alpn.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { connectMtls } from '../../proxies/identity/client.ts'
import { eventually, getText } from '../fixtures/http-get.ts'
import {
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { addWaypoint, clientAndTarget, images, serviceOf } from '../fixtures/shop.ts'
import { HAND_OVER, SteadyLoad } from '../fixtures/steady-load.ts'

const ambient = { 'istio.io/dataplane-mode': 'ambient' }
const labels: Readonly<Record<string, Record<string, string>>> = {
  sidecars: { 'istio-injection': 'enabled' },
  ztunnels: ambient,
  'ztunnels and the waypoint': { ...ambient, 'istio.io/use-waypoint': 'waypoint' },
}

interface Rotating extends RunningCore {
  /** Has all certificates issued anew. */
  rotate(): void
}

async function shop(t: TestContext, who: string): Promise<Rotating> {
  let wallMs = 0
  const core = await runningCore(t, {
    images,
    clock: { wallMs: () => wallMs, monotonicMs: () => 0 },
  })
  const node: Record<string, string> = {}
  if (who !== 'sidecars') node['meshbench.dev/ztunnel'] = 'true'
  core.store.create(nodeObject('client', node))
  core.store.create(nodeObject('server', node))
  core.store.create(namespaceObject('shop', labels[who]))
  if (who === 'ztunnels and the waypoint') await addWaypoint(core, 'server')
  const rotate = (): void => {
    wallMs += 3_600_000
  }
  return { ...core, rotate }
}

interface Dump {
  readonly certificates: readonly { readonly identity: string; readonly certChain: string }[]
}

/** Serial numbers by identity that a proxy serves with now. */
async function serials({ status }: Pod): Promise<ReadonlyMap<string, string>> {
  const text = await getText(status?.podIP ?? '', 15000, '/config_dump')
  const { certificates } = JSON.parse(text) as Dump
  return new Map(
    certificates.map(({ identity, certChain }) => [
      identity,
      new X509Certificate(certChain).serialNumber,
    ]),
  )
}

/** What a new connection is shown by whoever guards this pod. */
async function shownAt(core: RunningCore, door: SocketAddress, account: string): Promise<string> {
  const identity = (name: string): string => `spiffe://cluster.local/ns/shop/sa/${name}`
  const socket = await connectMtls({
    address: door,
    credential: createCredential(await core.authority.issueWorkload(identity('caller'))),
    expectedIdentities: [identity(account)],
    alpn: door.port === HBONE_PORT ? HBONE_ALPN : HTTP_ALPN,
  })
  const { serialNumber = '' } = socket.getPeerX509Certificate() ?? {}
  socket.destroy()
  return serialNumber
}

function proxiesOf(core: RunningCore, who: string): readonly Pod[] {
  if (who === 'sidecars') return core.pods('shop')
  const waypoints = core.pods('shop').filter((pod) => pod.spec.serviceAccountName === 'waypoint')
  return [...core.pods('istio-system', 'ztunnel'), ...waypoints]
}

function scaleTarget(core: RunningCore, replicas: number): void {
  core.store.mutate<Deployment>(
    { ...kinds.deployment, name: 'target', namespace: 'shop' },
    (deployment) => ({ ...deployment, spec: { ...deployment.spec, replicas } }),
  )
}

function doorOf(core: RunningCore, who: string): readonly [SocketAddress, string] {
  const guarded = who.includes('waypoint')
    ? proxiesOf(core, who).at(-1)
    : core.pods('shop', 'target')[0]
  const host = guarded?.status?.podIP ?? ''
  if (who === 'sidecars') return [{ host, port: 8080 }, 'default']
  return [{ host, port: HBONE_PORT }, who.includes('waypoint') ? 'waypoint' : 'default']
}

for (const who of Object.keys(labels)) {
  test(`certificates of ${who} rotate under load: no request fails, new connections show new ones`, async (t) => {
    const core = await shop(t, who)
    const { client } = await clientAndTarget(core)
    if (who !== 'sidecars') await core.untilReady('istio-system', 'ztunnel', 2)
    const service = await serviceOf(core, client)
    await eventually(service.host, service.port)
    const proxies = proxiesOf(core, who)
    assert.equal(proxies.length, who.includes('waypoint') ? 3 : 2)
    const [door, account] = doorOf(core, who)
    const load = new SteadyLoad(service, HAND_OVER)
    t.after(() => load.stop())
    await load.more(500)

    const shown = new Set([await shownAt(core, door, account)])
    for (let rotations = 1; rotations <= 3; rotations += 1) {
      const before = await Promise.all(proxies.map(serials))
      core.rotate()
      for (const [n, proxy] of proxies.entries()) {
        const old = new Set(before[n]?.values())
        while ([...(await serials(proxy)).values()].some((serial) => old.has(serial))) {
          await load.more(50)
        }
      }
      shown.add(await shownAt(core, door, account))
      assert.equal(shown.size, rotations + 1, 'another certificate after every rotation')
      await load.more(500)
    }
    // Nobody has a connection to a new pod yet.
    scaleTarget(core, 2)
    await core.untilReady('shop', 'target', 2)
    const answering = new Set<string>()
    while (answering.size < 2) {
      answering.add((await eventually(service.host, service.port)).pod)
    }
    await load.more(1_000)
    const { failures, answered, perSecond } = await load.stop()
    t.diagnostic(`${answered} requests, ${Math.round(perSecond)}/s`)
    assert.deepEqual(failures, [])
  })
}
