import { acceptTunnels, type TunnelClient } from '../hbone/accept-tunnels.ts'
import { formatBaggage, parseBaggage } from '../hbone/headers.ts'
import type { ConnectOffer } from '../hbone/server.ts'
import type { TunnelStream } from '../hbone/wire/tunnel-stream.ts'
import { TCP_ALPN } from '../http/alpn.ts'
import { LoggedConnection } from '../http/connection-entry.ts'
import { dialEndpoint } from '../http/dial-endpoint.ts'
import { logged } from '../http/logged.ts'
import { relayToCluster } from '../http/relay-to-cluster.ts'
import type { HttpRules } from '../http/rules.ts'
import { serveHttp } from '../http/serve.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import type { Accept } from '../process/listeners.ts'
import { gated } from '../routing/gated.ts'
import { logLimited } from '../telemetry/log.ts'
import type { WaypointContext } from './context.ts'
import { type Destination, type Refused, resolveDestination } from './destination.ts'
import { sniffHttp } from './sniff-http.ts'
import { waypointRules } from './waypoint-rules.ts'
import { peersOf, type Source } from './waypoint-telemetry.ts'

/** Port 15008 of the waypoint. */
export function waypointInbound(context: WaypointContext): Accept {
  return acceptTunnels({
    store: context.store,
    identity: context.view().local.identity,
    onConnect: (offer, client) => serveConnect(context, offer, client),
  })
}

function serveConnect(context: WaypointContext, offer: ConnectOffer, client: TunnelClient): void {
  const attempt = (): Refused | undefined => {
    const destination = resolveDestination(context, offer.authority)
    if ('status' in destination) return destination
    serveDestination(context, offer, client, destination)
    return undefined
  }
  const refuse = ({ status, reason }: Refused): void => {
    offer.refuse(status)
    logLimited('warn', 'inbound', `connection refused: ${reason}`, { authority: offer.authority })
  }
  const refused = attempt()
  if (refused === undefined) return
  if (!refused.isUnbound) {
    refuse(refused)
    return
  }
  const forget = context.bindings.wait(
    () => attempt() === undefined,
    () => refuse(refused),
  )
  offer.stream.once('close', forget)
}

function serveDestination(
  context: WaypointContext,
  offer: ConnectOffer,
  client: TunnelClient,
  destination: Destination,
): void {
  const ip = client.socket.remoteAddress ?? ''
  const workload = context.view().index.workloadByIp(ip) ?? parseBaggage(offer.baggage)
  const address = `${ip}:${client.socket.remotePort}`
  const source: Source = { workload, identity: client.peer, ip, address }
  const connection = {
    sourceIp: source.ip,
    sourceIdentity: source.identity,
    destinationIp: destination.ip,
    destinationPort: destination.port,
  }
  const { protocol } = destination
  const isDenied = (): boolean => {
    const denied = destination.gate()?.connectionDenial(connection)
    if (denied === undefined) return false
    logLimited('info', 'inbound', 'connection refused by policy', { authority: offer.authority })
    logOf(context, destination, source)?.denied(denied)
    return true
  }
  if (protocol === 'tcp' && isDenied()) {
    offer.refuse(401)
    return
  }
  const stream = offer.accept(formatBaggage(context.view().workload))
  const serve = (): void => {
    const rules = rulesFor(context, destination, connection, source)
    client.run(serveHttp(stream, rules, context), stream)
  }
  if (protocol === 'tcp') relay(context, stream, destination, source)
  else if (protocol !== undefined) serve()
  else {
    sniffHttp(stream, (http) => {
      if (http) serve()
      else if (isDenied()) stream.destroy()
      else relay(context, stream, destination, source)
    })
  }
}

function rulesFor(
  { telemetry, accessLog }: WaypointContext,
  { gate, router, wanted, ip, port }: Destination,
  connection: PolicyInput,
  source: Source,
): HttpRules {
  const rules = waypointRules({
    route: (request) => gated(gate(), request, connection, router()),
    series: telemetry.forConnection(source, wanted),
  })
  return logged(rules, accessLog, 'inbound', () => ({
    downstreamLocal: `${ip}:${port}`,
    downstreamRemote: source.address,
  }))
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
    log: (upstreamHost) => logOf(context, destination, source, upstreamHost),
  })
}

/** Undefined while the log is off. */
function logOf(
  { accessLog }: WaypointContext,
  { ip, port, wanted }: Destination,
  source: Source,
  upstreamHost?: string,
): LoggedConnection | undefined {
  if (!accessLog.inbound) return undefined
  return new LoggedConnection(accessLog, {
    upstreamCluster: wanted.name,
    upstreamHost,
    downstreamLocal: `${ip}:${port}`,
    downstreamRemote: source.address,
  })
}
