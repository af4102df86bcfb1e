import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TrafficPolicy } from '../config/l7.ts'
import { type Endpoint, identityOf, serviceKey, socketOf } from '../config/mesh-index.ts'
import type { Service } from '../config/mesh-state.ts'
import type { CapturedListener, SocketAddress } from '../config/process.ts'
import { dialTcp } from '../dial.ts'
import { TCP_ALPN } from '../http/alpn.ts'
import { type ConnectionFacts, LoggedConnection } from '../http/connection-entry.ts'
import { isAuthenticated } from '../http/dial-endpoint.ts'
import { logged } from '../http/logged.ts'
import { relayTcp } from '../http/relay-tcp.ts'
import { relayToCluster } from '../http/relay-to-cluster.ts'
import { remoteAddressOf } from '../http/request-entry.ts'
import type { HttpRules } from '../http/rules.ts'
import { serveHttp } from '../http/serve.ts'
import { speaksHttp } from '../http/service-clusters.ts'
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
 * service straight to where the application meant it to go.
 */
export function outbound(
  context: SidecarContext,
  listener: Extract<CapturedListener, { kind: 'outbound' }>,
  dial: Dial,
): Accept {
  const { host, port } = listener.originalDestination
  let known: { readonly view: PodView; readonly rules: HttpRules } | undefined
  return (client, live) => {
    const view = context.view()
    const service = view.index.serviceByVip(host, view.workload.namespace)
    if (service === undefined || service.ports[String(port)] === undefined) {
      passThrough(context, client, listener.originalDestination, view)
    } else if (speaksHttp(service, port)) {
      // The same for all connections until the next snapshot: labels are dear to make.
      if (known?.view !== view) known = { view, rules: rulesFor(context, view, service, port) }
      serveRequests(context, client, live, known.rules, `${host}:${port}`)
    } else {
      const cluster = context.clusters.get(service, port)
      relayToCluster(client, {
        cluster,
        series: (endpoint) =>
          context.connections.connection('source', outboundPeers(view, service, endpoint), false),
        dial: (endpoint, traffic) => dial(endpoint, TCP_ALPN, traffic),
        log: (upstreamHost) =>
          logOf(context, client, listener.originalDestination, {
            upstreamCluster: cluster.name,
            upstreamHost,
          }),
      })
    }
  }
}

function rulesFor(
  context: SidecarContext,
  view: PodView,
  service: Service,
  port: number,
): HttpRules {
  return outboundRules({
    route: currentRouter(context, service, port),
    metadata: view.metadata,
    unrouted: context.requests.between('source', outboundPeers(view, service, undefined), {
      protocol: 'http',
      security: 'unknown',
    }),
  })
}

/** Connections outlive snapshots, so a route is looked up in the one in force. */
function currentRouter(context: SidecarContext, service: Service, port: number): Router {
  let known: { readonly view: PodView; readonly router: Router } | undefined
  return (request) => {
    const view = context.view()
    if (known?.view !== view) {
      const { clusters } = context
      const router = createRouter({
        l7: view.config.l7,
        service: serviceKey(service),
        port,
        cluster: clusters.get(view.index.service(serviceKey(service)) ?? service, port),
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
