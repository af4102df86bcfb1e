import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { formatBaggage, parseBaggage } from '../hbone/headers.ts'
import { type ConnectOffer, serveTunnel } from '../hbone/server.ts'
import { HBONE_ALPN } from '../hbone/settings.ts'
import type { TunnelStream } from '../hbone/wire/tunnel-stream.ts'
import { TCP_ALPN } from '../http/alpn.ts'
import { dialEndpoint } from '../http/dial-endpoint.ts'
import { relayToCluster } from '../http/relay-to-cluster.ts'
import type { HttpRules } from '../http/rules.ts'
import { type Served, serveHttp } from '../http/serve.ts'
import { createMtlsAcceptor } from '../identity/server.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { gated } from '../routing/gated.ts'
import { logLimited } from '../telemetry/log.ts'
import type { WaypointContext } from './context.ts'
import { type Destination, resolveDestination } from './destination.ts'
import { sniffHttp } from './sniff-http.ts'
import { waypointRules } from './waypoint-rules.ts'
import { peersOf, type Source } from './waypoint-telemetry.ts'

/** Envoy's limit; a ztunnel allows 200. */
const WAYPOINT_MAX_STREAMS = 100

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
  const destination = resolveDestination(context, offer.authority)
  if ('status' in destination) {
    offer.refuse(destination.status)
    logLimited('warn', 'inbound', `connection refused: ${destination.reason}`, {
      authority: offer.authority,
    })
    return
  }
  const connection = {
    sourceIp: source.ip,
    sourceIdentity: source.identity,
    destinationIp: destination.ip,
    destinationPort: destination.port,
  }
  const { protocol } = destination
  const admitted = (): boolean => destination.gate()?.admitConnection(connection) !== false
  if (protocol === 'tcp' && !admitted()) {
    offer.refuse(401)
    logDenied(offer.authority)
    return
  }
  const stream = offer.accept(formatBaggage(context.view().workload))
  const serve = (): void => {
    const served = serveHttp(stream, rulesFor(context, destination, connection, source), context)
    running.add(served)
    stream.once('close', () => running.delete(served))
  }
  if (protocol === 'tcp') relay(context, stream, destination, source)
  else if (protocol !== undefined) serve()
  else {
    sniffHttp(stream, (http) => {
      if (http) serve()
      else if (admitted()) relay(context, stream, destination, source)
      else {
        logDenied(offer.authority)
        stream.destroy()
      }
    })
  }
}

function rulesFor(
  { telemetry }: WaypointContext,
  { gate, router, wanted }: Destination,
  connection: PolicyInput,
  source: Source,
): HttpRules {
  return waypointRules({
    route: (request) => gated(gate(), request, connection, router()),
    series: telemetry.forConnection(source, wanted),
  })
}

function relay(
  context: WaypointContext,
  stream: TunnelStream,
  destination: Destination,
  source: Source,
): void {
  relayToCluster(stream, {
    cluster: destination.cluster(),
    series: (endpoint) => {
      const peers = peersOf(source, destination.wanted.service, endpoint)
      return context.connections.connection('waypoint', peers, true)
    },
    dial: (endpoint, traffic) =>
      dialEndpoint(context.dialler, endpoint, TCP_ALPN, undefined, traffic),
  })
}

function logDenied(authority: string): void {
  logLimited('info', 'inbound', 'connection refused by policy', { authority })
}
