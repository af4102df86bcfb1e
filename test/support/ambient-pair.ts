import type { MeshState, Workload } from '../../proxies/config/mesh-state.ts'
import type {
  CapturedListener,
  LocalWorkload,
  SocketAddress,
} from '../../proxies/config/process.ts'
import { HBONE_PORT } from '../../proxies/hbone/settings.ts'
import type { TestAuthority } from './certificates.ts'
import { createTestAuthority } from './certificates.ts'
import {
  type BoundSocket,
  bindSocket,
  type ProxyProcess,
  type ProxyProcessOptions,
  startProxy,
} from './proxy-process.ts'

/**
 * Two nodes with a ztunnel each: a `client` pod on one, a `server` pod and its service on the other.
 * Every test file takes its own 127.x network, so that files can run beside each other.
 */
export interface AmbientPair {
  readonly authority: TestAuthority
  readonly source: ProxyProcess
  readonly destination: ProxyProcess
  /** Where the client application connects to reach the service. */
  readonly capture: SocketAddress
  /** Where the server application has to listen. */
  readonly app: SocketAddress
  readonly client: Workload
  readonly server: Workload
  readonly vip: string
  /** What the client's ztunnel is told of its socket. */
  readonly outbound: CapturedListener
  /** What the node agent of these processes holds. */
  readonly sockets: {
    readonly outbound: BoundSocket
    readonly hbone: BoundSocket
    readonly inbound: BoundSocket
  }
  /**
   * An upgrade: a new process is told everything and given the sockets, then the old one, which this
   * resolves with, is asked to drain and exit.
   */
  replace(side: 'source' | 'destination'): Promise<ProxyProcess>
  /** Takes port 15008 of the server away from its ztunnel, which ends all tunnels, and gives it back. */
  dropTunnels(): Promise<void>
  giveTunnelsBack(): Promise<void>
  /** Applies a changed mesh to both nodes. */
  update(change: Change): Promise<void>
  stop(): Promise<void>
}

export interface Change {
  readonly state?: Partial<MeshState>
  readonly client?: Partial<Workload>
  readonly server?: Partial<Workload>
  readonly mtlsMode?: LocalWorkload['mtlsMode']
  /** Identity the destination proves, when it is not the server's own. */
  readonly serverIdentity?: string
  readonly serverAuthority?: TestAuthority
}

export interface PairOptions extends ProxyProcessOptions {
  readonly hbonePort?: number
  /** Where the application is, unless it will listen at the pair's own `app`. */
  readonly app?: SocketAddress
}

const SERVICE_PORT = 8000
const CONTAINER_PORT = 8080

export async function startAmbientPair(
  network: number,
  options: PairOptions = {},
): Promise<AmbientPair> {
  const authority = await createTestAuthority()
  const ip = (third: number, fourth: number): string => `127.${network}.${third}.${fourth}`
  const app = options.app ?? { host: ip(65, 2), port: CONTAINER_PORT }
  const capture = { host: ip(128, 1), port: SERVICE_PORT }
  const vip = ip(192, 1)
  const workload = (name: string, workloadIp: string, node: string): Workload => ({
    uid: `Kubernetes//Pod/shop/${name}`,
    name,
    namespace: 'shop',
    serviceAccount: name,
    trustDomain: 'cluster.local',
    workloadIps: [workloadIp],
    protocol: 'HBONE',
    node,
    workloadName: name,
    workloadType: 'deployment',
    canonicalName: name,
    canonicalRevision: 'v1',
    clusterId: 'Kubernetes',
    services: {},
  })
  const client = workload('client', ip(1, 1), 'a')
  const server: Workload = {
    ...workload('server', ip(1, 2), 'b'),
    services: { 'shop/server.shop.svc.cluster.local': { [SERVICE_PORT]: CONTAINER_PORT } },
    ...(options.hbonePort ? { hbonePort: options.hbonePort } : {}),
  }
  const identity = ({ serviceAccount }: Workload): string =>
    `spiffe://cluster.local/ns/shop/sa/${serviceAccount}`

  let source = await startProxy('ztunnel', options)
  let destination = await startProxy('ztunnel', options)

  let version = 0
  let told: readonly Parameters<ProxyProcess['configure']>[0][] = []
  const update = async (change: Change): Promise<void> => {
    version += 1
    const state: MeshState = {
      workloads: [
        { ...client, ...change.client },
        { ...server, ...change.server },
      ],
      services: [
        {
          name: 'server',
          namespace: 'shop',
          hostname: 'server.shop.svc.cluster.local',
          vips: [`/${vip}`],
          ports: { [SERVICE_PORT]: CONTAINER_PORT },
        },
      ],
      policies: [],
      ...change.state,
    }
    const pod = (name: string, podIp: string) => ({ name, namespace: 'istio-system', ip: podIp })
    const mtlsMode = change.mtlsMode ?? 'PERMISSIVE'
    const forSource = {
      version,
      trustDomain: 'cluster.local',
      node: 'a',
      pod: pod('ztunnel-a', ip(1, 61)),
      state,
      local: [{ uid: client.uid, identity: identity(client), appPorts: {}, mtlsMode }],
      certificates: [await authority.issue(identity(client))],
    }
    const serverIdentity = change.serverIdentity ?? identity(server)
    const forDestination = {
      version,
      trustDomain: 'cluster.local',
      node: 'b',
      pod: pod('ztunnel-b', ip(1, 62)),
      state,
      local: [
        {
          uid: server.uid,
          identity: serverIdentity,
          appPorts: { [CONTAINER_PORT]: app },
          mtlsMode,
        },
      ],
      certificates: [
        await (change.serverAuthority ?? authority).issue(serverIdentity, {
          rootsPem: authority.rootPem,
        }),
      ],
    }
    told = [forSource, forDestination]
    await source.configure(forSource)
    await destination.configure(forDestination)
  }
  await update({})
  const outbound: CapturedListener = {
    id: 'outbound',
    kind: 'outbound',
    workloadUid: client.uid,
    originalDestination: { host: vip, port: SERVICE_PORT },
  }
  const hbone: CapturedListener = { id: 'hbone', kind: 'hbone', workloadUid: server.uid }
  const inbound: CapturedListener = {
    id: 'inbound',
    kind: 'inbound',
    workloadUid: server.uid,
    port: CONTAINER_PORT,
  }
  const outboundSocket = bindSocket(capture.host, capture.port)
  const hboneSocket = bindSocket(ip(1, 2), HBONE_PORT)
  const inboundSocket = bindSocket(ip(1, 2), CONTAINER_PORT)
  await source.listen(outbound, outboundSocket)
  await destination.listen(hbone, hboneSocket)
  await destination.listen(inbound, inboundSocket)
  const replace = async (side: 'source' | 'destination'): Promise<ProxyProcess> => {
    const fresh = await startProxy('ztunnel', options)
    const old = side === 'source' ? source : destination
    const [forSource, forDestination] = told
    const config = side === 'source' ? forSource : forDestination
    if (config) await fresh.configure(config)
    if (side === 'source') {
      await fresh.listen(outbound, outboundSocket)
      source = fresh
    } else {
      await fresh.listen(hbone, hboneSocket)
      await fresh.listen(inbound, inboundSocket)
      destination = fresh
    }
    old.child.kill('SIGTERM')
    return old
  }
  return {
    authority,
    get source() {
      return source
    },
    get destination() {
      return destination
    },
    outbound,
    sockets: { outbound: outboundSocket, hbone: hboneSocket, inbound: inboundSocket },
    replace,
    capture,
    app,
    client,
    server,
    vip,
    dropTunnels: async () => {
      await destination.unlisten(hbone.id, 0)
      await destination.listen(hbone, hboneSocket)
    },
    update,
    giveTunnelsBack: () => destination.listen(hbone, hboneSocket),
    stop: async () => {
      await Promise.all([source.stop(), destination.stop()])
      for (const socket of [outboundSocket, hboneSocket, inboundSocket]) socket.close()
    },
  }
}
