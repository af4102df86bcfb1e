import type { L7Config } from '../../proxies/config/l7.ts'
import { serviceKey } from '../../proxies/config/mesh-index.ts'
import type {
  AppProtocol,
  AuthorizationPolicy,
  Service,
  Workload,
} from '../../proxies/config/mesh-state.ts'
import type { AccessLogConfig, SocketAddress } from '../../proxies/config/process.ts'
import { createTestAuthority, type TestAuthority } from './certificates.ts'
import { type BoundSocket, bindSocket, type ProxyProcess, startProxy } from './proxy-process.ts'
import { NO_L7, SERVICE_KEY, SERVICE_PORT, service, workload } from './sidecar-pair.ts'

const CLIENT_IP = '127.78.1.1'
export const SERVER_IP = '127.78.1.2'
const WAYPOINT_IP = '127.78.1.3'
export const CONTAINER_PORT = 8080
/** No service leads to it. */
export const OTHER_PORT = 9090

export const WAYPOINT_ID = 'spiffe://cluster.local/ns/shop/sa/waypoint'

/** client -> ztunnel -> waypoint -> ztunnel -> application, each proxy a process. */
export interface WaypointPath {
  readonly source: ProxyProcess
  readonly waypoint: ProxyProcess
  readonly destination: ProxyProcess
  readonly authority: TestAuthority
  /** Where the client application connects to. */
  readonly address: SocketAddress
  /** The waypoint's own HBONE socket. */
  readonly gateway: BoundSocket
  readonly vip: string
  /** Where the client reaches a port of the server's pod by the pod's own address. */
  podAddress(port: number): Promise<SocketAddress>
  /** Tells the waypoint another set of endpoints. */
  changeEndpoints(change: (server: Workload) => readonly Workload[]): Promise<void>
  /** Tells the waypoint other services, all of them the server's, and what to do with requests. */
  changeServices(
    change: (shop: Service) => readonly Service[],
    l7?: Partial<L7Config>,
  ): Promise<void>
  /** Tells the waypoint what to do with requests. */
  applyL7(l7: Partial<L7Config>): Promise<void>
  stop(): Promise<void>
}

export async function startWaypointPath(
  app: SocketAddress,
  protocol: AppProtocol = 'http',
  policies: readonly AuthorizationPolicy[] = [],
  accessLog?: AccessLogConfig,
): Promise<WaypointPath> {
  const authority = await createTestAuthority()
  const [source, waypoint, destination] = await Promise.all([
    startProxy('ztunnel'),
    startProxy('waypoint'),
    startProxy('ztunnel'),
  ])
  const address = bindSocket(CLIENT_IP)
  const gateway = bindSocket(WAYPOINT_IP)
  const inbound = bindSocket(SERVER_IP)
  const client = workload('client', CLIENT_IP, { protocol: 'HBONE', node: 'a' })
  const server = workload('server', SERVER_IP, {
    protocol: 'HBONE',
    node: 'b',
    hbonePort: inbound.port,
    services: { [SERVICE_KEY]: { [SERVICE_PORT]: CONTAINER_PORT } },
    waypoint: { destination: `/${WAYPOINT_IP}`, hboneMtlsPort: gateway.port },
  })
  const gatewayPod = workload('waypoint', WAYPOINT_IP, {
    protocol: 'HBONE',
    node: 'b',
    hbonePort: gateway.port,
  })
  const vip = '127.78.192.1'
  const shop: Service = {
    ...service(protocol, CONTAINER_PORT),
    vips: [`/${vip}`],
    waypoint: { destination: `/${WAYPOINT_IP}`, hboneMtlsPort: gateway.port },
  }
  const identity = ({ serviceAccount }: Workload): string =>
    `spiffe://cluster.local/ns/shop/sa/${serviceAccount}`
  let version = 0
  const configure = async (
    proxy: ProxyProcess,
    own: Workload,
    servers: readonly Workload[],
    appPorts: Readonly<Record<string, SocketAddress>> = {},
    l7?: L7Config,
    services: readonly Service[] = [shop],
  ): Promise<void> => {
    version += 1
    await proxy.configure({
      version,
      trustDomain: 'cluster.local',
      node: own.node ?? '',
      pod: { name: own.name, namespace: 'shop', ip: own.workloadIps[0] ?? '' },
      state: { workloads: [client, gatewayPod, ...servers], services, policies },
      local: [{ uid: own.uid, identity: identity(own), appPorts, mtlsMode: 'PERMISSIVE' }],
      certificates: [await authority.issue(identity(own))],
      ...(l7 ? { l7 } : {}),
      ...(accessLog ? { accessLog } : {}),
    })
  }
  await configure(source, client, [server])
  await configure(waypoint, gatewayPod, [server])
  await configure(destination, server, [server], { [CONTAINER_PORT]: app, [OTHER_PORT]: app })
  const capture = (id: string, host: string, port: number, socket: BoundSocket): Promise<void> => {
    const originalDestination = { host, port }
    const { uid } = client
    return source.listen({ id, kind: 'outbound', workloadUid: uid, originalDestination }, socket)
  }
  await capture('out', vip, SERVICE_PORT, address)
  await waypoint.listen({ id: 'hbone', kind: 'hbone', workloadUid: gatewayPod.uid }, gateway)
  await destination.listen({ id: 'hbone', kind: 'hbone', workloadUid: server.uid }, inbound)
  return {
    source,
    waypoint,
    destination,
    authority,
    address,
    gateway,
    vip,
    podAddress: async (port) => {
      const socket = bindSocket(CLIENT_IP)
      await capture(`pod/${port}/${socket.port}`, SERVER_IP, port, socket)
      return { host: socket.host, port: socket.port }
    },
    changeEndpoints: (change) => configure(waypoint, gatewayPod, change(server)),
    changeServices: (change, l7 = {}) => {
      const services = change(shop)
      const ports = { [SERVICE_PORT]: CONTAINER_PORT }
      const backed = {
        ...server,
        services: Object.fromEntries(services.map((one) => [serviceKey(one), ports])),
      }
      return configure(waypoint, gatewayPod, [backed], {}, { ...NO_L7, ...l7 }, services)
    },
    applyL7: (l7) => configure(waypoint, gatewayPod, [server], {}, { ...NO_L7, ...l7 }),
    stop: async () => {
      await Promise.all([source.stop(), waypoint.stop(), destination.stop()])
    },
  }
}
