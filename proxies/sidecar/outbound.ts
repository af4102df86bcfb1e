import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { headlessPort } from '../config/headless-port.ts'
import type { TrafficPolicy } from '../config/l7.ts'
import { type Endpoint, identityOf, serviceKey, socketOf } from '../config/mesh-index.ts'
import type { Service } from '../config/mesh-state.ts'
import type { CapturedListener, SocketAddress } from '../config/process.ts'
import { dialTcp } from '../dial.ts'
import { TCP_ALPN } from '../http/alpn.ts'
import type { Cluster } from '../http/cluster.ts'
import { type ConnectionFacts, LoggedConnection } from '../http/connection-entry.ts'
import { isAuthenticated } from '../http/dial-endpoint.ts'
import { logged } from '../http/logged.ts'
import { relayTcp } from '../http/relay-tcp.ts'
import { relayToCluster } from '../http/relay-to-cluster.ts'
import { remoteAddressOf } from '../http/request-entry.ts'
import type { HttpRules } from '../http/rules.ts'
import { serveHttp } from '../http/serve.ts'
import { outboundName, speaksHttp } from '../http/service-clusters.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { createRouter, type Router } from '../routing/router.ts'
import type { Peers } from '../telemetry/istio-labels.ts'
import type { PodView, SidecarContext } from './context.ts'
import { outboundRules } from './outbound-rules.ts'

type Dial = (
  endpoint: Endpoint,
  alpn: readonly string[],
  traffic: TrafficPolicy | undefined,
) => Promise<Duplex>

/**
 * Connections of our application to one captured address, which is looked up for every connection:
 * HTTP ports of a service request by request, its other ports as bytes, anything that is no
 * service straight to where the application meant it to go. The address of a pod is a headless service's
 * if there is one.
 */
export function outbound(
  context: SidecarContext,
  listener: Extract<CapturedListener, { kind: 'outbound' }>,
  dial: Dial,
): Accept {
  const address = listener.originalDestination
  let known: { readonly view: PodView; readonly rules: HttpRules } | undefined
  return (client, live) => {
    const view = context.view()
    const wanted = wantedOf(context, view, address)
    if (wanted === undefined) {
      passThrough(context, client, address, view)
      return
    }
    const { service, cluster } = wanted
    if (speaksHttp(service, wanted.port)) {
      // The same for all connections until the next snapshot: labels are dear to make.
      if (known?.view !== view) known = { view, rules: rulesFor(context, view, address, wanted) }
      serveRequests(context, client, live, known.rules, `${address.host}:${address.port}`)
    } else {
      relayToCluster(client, {
        cluster,
        series: (endpoint) =>
          context.connections.connection('source', outboundPeers(view, service, endpoint), false),
        dial: (endpoint, traffic) => dial(endpoint, TCP_ALPN, traffic),
        log: (upstreamHost) =>
          logOf(context, client, address, { upstreamCluster: cluster.name, upstreamHost }),
      })
    }
  }
}

/** A port of a service, and where connections to it go. */
interface Wanted {
  readonly service: Service
  readonly port: number
  /** Known beforehand where a pod of it was addressed. */
  readonly endpoint?: Endpoint
  readonly cluster: Cluster
}

function wantedOf(
  { clusters, pods }: SidecarContext,
  { index, workload }: PodView,
  { host, port }: SocketAddress,
): Wanted | undefined {
  const service = index.serviceByVip(host, workload.namespace)
  if (service !== undefined) {
    if (service.ports[String(port)] === undefined) return undefined
    return { service, port, cluster: clusters.get(service, port) }
  }
  const headless = headlessPort(index, host, port)
  if (headless === undefined) return undefined
  const name = outboundName(headless.service, headless.port)
  return { ...headless, cluster: pods.get(headless.endpoint, name) }
}

function rulesFor(
  context: SidecarContext,
  view: PodView,
  address: SocketAddress,
  wanted: Wanted,
): HttpRules {
  const { service, endpoint } = wanted
  return outboundRules({
    route: currentRouter(context, address, wanted),
    metadata: view.metadata,
    unrouted: context.requests.between('source', outboundPeers(view, service, endpoint), {
      protocol: 'http',
      security: 'unknown',
    }),
  })
}

/** Connections outlive snapshots, so a route is looked up in the one in force. */
function currentRouter(
  context: SidecarContext,
  address: SocketAddress,
  { service, port }: Wanted,
): Router {
  let known: { readonly view: PodView; readonly router: Router } | undefined
  return (request) => {
    const view = context.view()
    if (known?.view !== view) {
      const { clusters } = context
      const router = createRouter({
        l7: view.config.l7,
        service: serviceKey(service),
        port,
        // What was there once may be gone: then nobody answers.
        cluster: wantedOf(context, view, address)?.cluster ?? clusters.get(service, port),
        backend: (backend) => clusters.find(backend),
      })
      known = { view, router }
    }
    return known.router(request)
  }
}

function serveRequests(
  context: SidecarContext,
  client: Socket,
  live: Live,
  rules: HttpRules,
  downstreamLocal: string,
): void {
  const { accessLog } = context
  // Asked for now it is known even when the client has gone.
  if (accessLog.outbound) remoteAddressOf(client)
  const connection = serveHttp(
    client,
    logged(rules, accessLog, 'outbound', () => ({
      downstreamLocal,
      downstreamRemote: remoteAddressOf(client),
    })),
    context,
  )
  live.drain = () => connection.drain()
  live.cut = () => connection.cut()
}

/** Undefined while the log is off. */
function logOf(
  { accessLog }: SidecarContext,
  client: Socket,
  { host, port }: SocketAddress,
  facts: Pick<ConnectionFacts, 'upstreamCluster' | 'upstreamHost'>,
): LoggedConnection | undefined {
  if (!accessLog.outbound) return undefined
  return new LoggedConnection(accessLog, {
    ...facts,
    downstreamLocal: `${host}:${port}`,
    downstreamRemote: remoteAddressOf(client),
  })
}

/** Istio's PassthroughCluster. */
function passThrough(
  context: SidecarContext,
  client: Socket,
  address: SocketAddress,
  view: PodView,
): void {
  const destination = view.index.workloadByIp(address.host)
  const peers: Peers = {
    source: view.workload,
    sourceIdentity: undefined,
    destination,
    destinationIdentity: undefined,
    service: undefined,
  }
  const connect = (): Promise<Duplex> =>
    dialTcp(destination ? socketOf(destination, address.host, address.port) : address, {
      ...(view.source ? { localAddress: view.source } : {}),
      timeoutMs: context.limits.connectTimeoutMs,
    })
  const series = context.connections.connection('source', peers, false)
  const log = logOf(context, client, address, {
    upstreamCluster: 'PassthroughCluster',
    upstreamHost: `${address.host}:${address.port}`,
  })
  relayTcp(client, log?.dial(connect) ?? connect, log?.series(series) ?? series)
}

/** Identities are named only where mutual TLS has proved them. */
export function outboundPeers(
  view: PodView,
  service: Service,
  endpoint: Endpoint | undefined,
): Peers {
  const authenticated = endpoint !== undefined && isAuthenticated(endpoint, 'sidecar')
  return {
    source: view.workload,
    sourceIdentity: authenticated ? view.local.identity : undefined,
    destination: endpoint?.workload,
    destinationIdentity: authenticated ? identityOf(endpoint.workload) : undefined,
    service,
  }
}
