import { once } from 'node:events'
import net from 'node:net'
import type { L7Config } from '../../proxies/config/l7.ts'
import type {
  AppProtocol,
  AuthorizationPolicy,
  Service,
  Workload,
} from '../../proxies/config/mesh-state.ts'
import type {
  AccessLogConfig,
  SocketAddress,
  WorkloadCertificate,
} from '../../proxies/config/process.ts'
import { createTestAuthority, type TestAuthority } from './certificates.ts'
import { type BoundSocket, bindSocket, type ProxyProcess, startProxy } from './proxy-process.ts'

export const CLIENT_ID = 'spiffe://cluster.local/ns/shop/sa/client'
export const SERVER_ID = 'spiffe://cluster.local/ns/shop/sa/server'
export const CLIENT_IP = '127.77.1.1'
export const SERVER_IP = '127.77.1.2'
export const VIP = '127.77.192.1'
export const SERVICE_PORT = 80

export interface PairOptions {
  /** Where the application listens. */
  readonly app: SocketAddress
  readonly protocol?: AppProtocol
  readonly mtlsMode?: 'PERMISSIVE' | 'STRICT'
  readonly policies?: readonly AuthorizationPolicy[]
  readonly accessLog?: AccessLogConfig
  /** The service has no address: its client is told the server's. */
  readonly headless?: boolean
  /** The certificates the two sidecars get instead of their own. */
  readonly clientCertificate?: (authority: TestAuthority) => Promise<WorkloadCertificate>
  readonly serverCertificate?: (authority: TestAuthority) => Promise<WorkloadCertificate>
  /** Further endpoints the client's sidecar believes in. */
  readonly otherEndpoints?: readonly Workload[]
  /** Address the client's sidecar is told instead of the server's own; gets the real one. */
  readonly via?: (real: SocketAddress) => Promise<SocketAddress>
  /** Environment of both sidecars. */
  readonly env?: Readonly<Record<string, string>>
}

export interface SidecarPair {
  readonly client: ProxyProcess
  readonly server: ProxyProcess
  readonly authority: TestAuthority
  /** Where the client application connects to. */
  readonly address: SocketAddress
  /** Where the server's sidecar listens. */
  readonly inbound: BoundSocket
  /** Tells the client's sidecar other endpoints, and its new certificate if it gets one. */
  changeServer(
    change: (server: Workload) => readonly Workload[],
    certificate?: WorkloadCertificate,
  ): Promise<void>
  /** Tells a sidecar what to do with requests. */
  applyL7(side: 'client' | 'server', l7: Partial<L7Config>): Promise<void>
  stop(): Promise<void>
}

export function workload(name: string, ip: string, extra: Partial<Workload> = {}): Workload {
  return {
    uid: `Kubernetes//Pod/shop/${name}`,
    name,
    namespace: 'shop',
    serviceAccount: name,
    trustDomain: 'cluster.local',
    workloadIps: [ip],
    protocol: 'TCP',
    workloadName: name,
    workloadType: 'deployment',
    canonicalName: name,
    canonicalRevision: 'v1',
    clusterId: 'Kubernetes',
    services: {},
    ...extra,
  }
}

export const SERVICE_KEY = 'shop/server.shop.svc.cluster.local'

export function service(protocol: AppProtocol, targetPort: number): Service {
  return {
    name: 'server',
    namespace: 'shop',
    hostname: 'server.shop.svc.cluster.local',
    vips: [`/${VIP}`],
    ports: { [SERVICE_PORT]: targetPort },
    protocols: { [SERVICE_PORT]: protocol },
  }
}

export const NO_L7: L7Config = { policies: [], authentications: [], routes: [], destinations: [] }

/** Two sidecars as real processes around an application of the test. */
export async function startSidecarPair(options: PairOptions): Promise<SidecarPair> {
  const authority = await createTestAuthority()
  const env = options.env ? { env: options.env } : {}
  const [client, server] = await Promise.all([
    startProxy('sidecar', env),
    startProxy('sidecar', env),
  ])
  const inbound = bindSocket(SERVER_IP)
  const outbound = bindSocket(CLIENT_IP)
  const seen = (await options.via?.(inbound)) ?? inbound
  const clientWorkload = workload('client', CLIENT_IP, { tlsMode: 'istio' })
  const serverAt = (ip: string, port: number): Workload =>
    workload('server', ip, {
      tlsMode: 'istio',
      services: { [SERVICE_KEY]: { [SERVICE_PORT]: port } },
    })
  const state = (servers: readonly Workload[], port: number) => ({
    workloads: [clientWorkload, ...servers],
    services: [
      { ...service(options.protocol ?? 'http', port), ...(options.headless ? { vips: [] } : {}) },
    ],
    policies: options.policies ?? [],
  })
  const common = {
    version: 1,
    trustDomain: 'cluster.local',
    node: 'node-1',
    ...(options.accessLog ? { accessLog: options.accessLog } : {}),
  }
  let version = 0
  let certificate =
    (await options.clientCertificate?.(authority)) ?? (await authority.issue(CLIENT_ID))
  const nextVersion = (): number => {
    version += 1
    return version
  }
  let clientL7: L7Config | undefined
  const configureClient = async (servers: readonly Workload[]): Promise<void> => {
    await client.configure({
      ...common,
      version: nextVersion(),
      pod: { name: 'client', namespace: 'shop', ip: CLIENT_IP },
      state: state(servers, seen.port),
      local: [
        { uid: clientWorkload.uid, identity: CLIENT_ID, appPorts: {}, mtlsMode: 'PERMISSIVE' },
      ],
      certificates: [certificate],
      ...(clientL7 ? { l7: clientL7 } : {}),
    })
  }
  const believed = serverAt(seen.host, seen.port)
  await configureClient([believed, ...(options.otherEndpoints ?? [])])
  const configureServer = async (l7?: L7Config): Promise<void> =>
    server.configure({
      ...common,
      version: nextVersion(),
      ...(l7 ? { l7 } : {}),
      pod: { name: 'server', namespace: 'shop', ip: SERVER_IP },
      state: state([serverAt(SERVER_IP, inbound.port)], inbound.port),
      local: [
        {
          uid: 'Kubernetes//Pod/shop/server',
          identity: SERVER_ID,
          appPorts: { [inbound.port]: options.app },
          mtlsMode: options.mtlsMode ?? 'PERMISSIVE',
        },
      ],
      certificates: [
        (await options.serverCertificate?.(authority)) ?? (await authority.issue(SERVER_ID)),
      ],
    })
  await configureServer()
  const originalDestination = options.headless
    ? { host: seen.host, port: seen.port }
    : { host: VIP, port: SERVICE_PORT }
  const workloadUid = clientWorkload.uid
  await client.listen({ id: 'out', kind: 'outbound', workloadUid, originalDestination }, outbound)
  await server.listen(
    { id: 'in', kind: 'inbound', workloadUid: 'Kubernetes//Pod/shop/server', port: inbound.port },
    inbound,
  )
  return {
    client,
    server,
    authority,
    address: outbound,
    inbound,
    changeServer: async (change, renewed) => {
      certificate = renewed ?? certificate
      await configureClient(change(believed))
    },
    applyL7: async (side, l7) => {
      if (side === 'server') return configureServer({ ...NO_L7, ...l7 })
      clientL7 = { ...NO_L7, ...l7 }
      return configureClient([believed, ...(options.otherEndpoints ?? [])])
    },
    stop: async () => {
      inbound.close()
      outbound.close()
      await Promise.all([client.stop(), server.stop()])
    },
  }
}

export async function listenLocal(server: net.Server): Promise<SocketAddress> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
}

export function createEchoServer(): net.Server {
  return net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
}
