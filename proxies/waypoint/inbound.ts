import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Service } from '../config/mesh-state.ts'
import { ProxyError } from '../errors.ts'
import { parseAuthority } from '../hbone/authority.ts'
import { formatBaggage, parseBaggage } from '../hbone/headers.ts'
import { type ConnectOffer, serveTunnel } from '../hbone/server.ts'
import { HBONE_ALPN } from '../hbone/settings.ts'
import type { TunnelStream } from '../hbone/wire/tunnel-stream.ts'
import { TCP_ALPN } from '../http/alpn.ts'
import { dialEndpoint } from '../http/dial-endpoint.ts'
import { relayTcp } from '../http/relay-tcp.ts'
import { type Served, serveHttp } from '../http/serve.ts'
import { speaksHttp } from '../http/service-clusters.ts'
import { createMtlsAcceptor } from '../identity/server.ts'
import type { RequestGate } from '../policy/request-gate.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { gated } from '../routing/gated.ts'
import { logLimited } from '../telemetry/log.ts'
import type { WaypointContext } from './context.ts'
import { waypointRules } from './waypoint-rules.ts'
import { peersOf, type Source } from './waypoint-telemetry.ts'

/** Envoy's limit; a ztunnel allows 200. */
const WAYPOINT_MAX_STREAMS = 100

interface Addressed {
  readonly service: Service
  readonly port: number
}

/** Port 15008 of the waypoint: nothing but HBONE gets in. */
export function waypointInbound(context: WaypointContext): Accept {
  const lives = new WeakMap<Socket, Live>()
  const accept = createMtlsAcceptor({
    store: context.store,
    identity: context.view().local.identity,
    alpn: HBONE_ALPN,
    onSecure: (socket, peer, raw) => serveClient(context, socket, peer, lives.get(raw)),
    onRefused: (error, socket) =>
      logLimited('warn', 'inbound', `connection refused: ${error.message}`, {
        code: error.code,
        source: socket.remoteAddress,
      }),
  })
  return (raw, live) => {
    raw.on('error', () => {})
    lives.set(raw, live)
    accept(raw)
  }
}

/** All tunnelled connections of one client, proven once. */
function serveClient(
  context: WaypointContext,
  socket: TLSSocket,
  peer: string,
  live: Live | undefined,
): void {
  const running = new Set<Served>()
  const tunnel = serveTunnel(socket, {
    maxConcurrentStreams: WAYPOINT_MAX_STREAMS,
    onConnect: (offer) => {
      const { index } = context.view()
      const sourceIp = socket.remoteAddress ?? ''
      const workload = index.workloadByIp(sourceIp) ?? parseBaggage(offer.baggage)
      serveConnect(context, offer, { workload, identity: peer, ip: sourceIp }, running)
    },
  })
  if (live === undefined) return
  live.cut = tunnel.cut
  live.drain = () => {
    tunnel.drain()
    for (const connection of running) connection.drain()
  }
}

function serveConnect(
  context: WaypointContext,
  offer: ConnectOffer,
  source: Source,
  running: Set<Served>,
): void {
  const addressed = resolveService(context, offer.authority)
  if ('status' in addressed) {
    offer.refuse(addressed.status)
    logLimited('warn', 'inbound', `connection refused: ${addressed.reason}`, {
      authority: offer.authority,
    })
    return
  }
  const { service, port } = addressed
  const http = speaksHttp(service, port)
  const connection = {
    sourceIp: source.ip,
    sourceIdentity: source.identity,
    destinationIp: parseAuthority(offer.authority)?.host ?? '',
    destinationPort: port,
  }
  const gate = (): RequestGate | undefined => context.view().decisions.gate(service)
  if (!http && gate()?.admitConnection(connection) === false) {
    offer.refuse(401)
    logLimited('info', 'inbound', 'connection refused by policy', { authority: offer.authority })
    return
  }
  const stream = offer.accept(formatBaggage(context.view().workload))
  if (!http) {
    relayToEndpoint(context, stream, addressed, source)
    return
  }
  const cluster = context.clusters.get(service, port)
  const rules = waypointRules({
    route: (request) =>
      gated(gate(), request, connection, context.view().decisions.router(service, port)),
    series: context.telemetry.forConnection(source, cluster),
  })
  const served = serveHttp(stream, rules, context)
  running.add(served)
  stream.once('close', () => running.delete(served))
}

function relayToEndpoint(
  context: WaypointContext,
  stream: TunnelStream,
  { service, port }: Addressed,
  source: Source,
): void {
  const endpoint = context.clusters.endpoint(service, port)
  relayTcp(
    stream,
    () =>
      endpoint === undefined
        ? Promise.reject(
            new ProxyError('NO_UPSTREAM', `no healthy upstream for ${service.hostname}`),
          )
        : dialEndpoint(
            context.dialler,
            endpoint,
            TCP_ALPN,
            undefined,
            context.clusters.traffic(service),
          ),
    context.connections.connection('waypoint', peersOf(source, service, endpoint), true),
  )
}

/** The authority is what the client's ztunnel was asked for: VIP and port, or a service's name. */
function resolveService(
  { view }: WaypointContext,
  authority: string,
): Addressed | { readonly status: number; readonly reason: string } {
  const address = parseAuthority(authority)
  if (address === undefined) return { status: 400, reason: 'no valid authority pseudo header' }
  const { index, workload } = view()
  const service =
    index.serviceByVip(address.host, workload.namespace) ??
    index.serviceByHostname(address.host, workload.namespace)
  if (service === undefined || service.ports[String(address.port)] === undefined) {
    return { status: 404, reason: 'the authority names no service port' }
  }
  return { service, port: address.port }
}
