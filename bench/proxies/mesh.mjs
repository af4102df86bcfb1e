// Our own proxies as the node agent starts them, everything on: identity, policy, metrics.
import { startAmbientPair } from '../../dist/test/support/ambient-pair.js'
import { bindSocket } from '../../dist/test/support/proxy-process.js'
import { startSidecarPair } from '../../dist/test/support/sidecar-pair.js'
import { startWaypointPath } from '../../dist/test/support/waypoint-path.js'

const NETWORK = 236
/** Pods a ztunnel stands in for, the one that carries the load among them. */
const WORKLOADS = 50

export const ambientApp = { host: `127.${NETWORK}.65.2`, port: 8080 }

/** Asks every connection or request for its identity. */
const policies = [
  {
    name: 'mesh-only',
    namespace: 'shop',
    scope: 'Namespace',
    action: 'Allow',
    rules: [[[{ principals: [{ Prefix: 'cluster.local/ns/shop/' }] }]]],
  },
]

export async function startZtunnels() {
  const pair = await startAmbientPair(NETWORK)
  const key = 'shop/server.shop.svc.cluster.local'
  const others = Array.from({ length: WORKLOADS - 1 }, (_, n) => ({
    ...pair.server,
    uid: `Kubernetes//Pod/shop/other-${n}`,
    name: `other-${n}`,
    workloadName: `other-${n}`,
    serviceAccount: `other-${n}`,
    workloadIps: [`127.${NETWORK}.2.${n + 1}`],
    services: {},
  }))
  const identity = ({ serviceAccount }) => `spiffe://cluster.local/ns/shop/sa/${serviceAccount}`
  const configure = async (proxy, node, own) => {
    const locals = [own, ...others]
    await proxy.configure({
      version: 1_000,
      trustDomain: 'cluster.local',
      node,
      pod: { name: `ztunnel-${node}`, namespace: 'istio-system', ip: `127.${NETWORK}.1.60` },
      state: {
        workloads: [pair.client, pair.server, ...others],
        services: [
          {
            name: 'server',
            namespace: 'shop',
            hostname: key.slice(5),
            vips: [`/${pair.vip}`],
            ports: { 8000: 8080 },
          },
        ],
        policies,
      },
      local: locals.map((workload) => ({
        uid: workload.uid,
        identity: identity(workload),
        appPorts: { 8080: ambientApp },
        mtlsMode: 'PERMISSIVE',
      })),
      certificates: await Promise.all(locals.map((one) => pair.authority.issue(identity(one)))),
    })
  }
  await configure(pair.source, 'a', pair.client)
  await configure(pair.destination, 'b', pair.server)
  for (const { name, uid, workloadIps } of others) {
    const hbone = { id: `hbone-${name}`, kind: 'hbone', workloadUid: uid }
    await pair.destination.listen(hbone, bindSocket(workloadIps[0], 15_008))
    const inbound = { id: `inbound-${name}`, kind: 'inbound', workloadUid: uid, port: 8080 }
    await pair.destination.listen(inbound, bindSocket(workloadIps[0], 8080))
  }
  return hop(pair.capture, [pair.source, pair.destination], pair.stop)
}

export async function startSidecars(app) {
  const pair = await startSidecarPair({ app, policies })
  return hop(pair.address, [pair.client, pair.server], pair.stop)
}

export async function startWaypoint(app) {
  const path = await startWaypointPath(app, 'http', policies)
  return hop(path.address, [path.source, path.waypoint, path.destination], path.stop)
}

function hop({ host, port }, processes, stop) {
  return { address: { host, port }, proxies: processes.map(({ child }) => [child.pid]), stop }
}
