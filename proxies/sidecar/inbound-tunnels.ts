import { identityOf, type MeshIndex } from '../config/mesh-index.ts'
import { acceptTunnels, type TunnelClient } from '../hbone/accept-tunnels.ts'
import { formatBaggage } from '../hbone/headers.ts'
import type { ConnectOffer } from '../hbone/server.ts'
import { remoteAddressOf } from '../http/request-entry.ts'
import type { Accept } from '../process/listeners.ts'
import { logLimited } from '../telemetry/log.ts'
import { resolveTarget } from '../ztunnel/target.ts'
import type { ApplicationPort, Caller } from './application-port.ts'
import type { SidecarContext } from './context.ts'
import { clientCertElement } from './inbound-rules.ts'

/**
 * Port 15008 of a pod whose sidecar takes HBONE. What comes out of a tunnel is served as if it had come
 * to the container port in Istio's mutual TLS, from whoever proved to be at the tunnel's other end
 * (istio/istio pilot/pkg/networking/core/listener_inbound.go: buildInboundHBONEListeners).
 */
export function inboundTunnels(
  context: SidecarContext,
  portOf: (port: number) => ApplicationPort,
): Accept {
  return acceptTunnels({
    store: context.store,
    identity: context.view().local.identity,
    onConnect: (offer, client) => serveConnect(context, portOf, offer, client),
  })
}

function serveConnect(
  context: SidecarContext,
  portOf: (port: number) => ApplicationPort,
  offer: ConnectOffer,
  client: TunnelClient,
): void {
  const { index, workload, local } = context.view()
  const target = resolveTarget(index, workload, offer.authority, offer.forwarded)
  if ('status' in target) {
    refuse(offer, target.status, target.reason)
    return
  }
  if (local.appPorts[String(target.port)] === undefined) {
    refuse(offer, 503, `port ${target.port} is no container port`)
    return
  }
  const app = portOf(target.port)
  const caller: Caller = {
    ip: addressOf(index, client, offer.baggage),
    address: remoteAddressOf(client.socket),
    identity: client.peer,
    clientCert: clientCertOf(client, local.identity),
  }
  if (app.protocol() === 'tcp' && !app.admits(caller)) {
    offer.refuse(401)
    return
  }
  const stream = offer.accept(formatBaggage(workload))
  const served = app.serve(stream, caller)
  if (served) client.run(served, stream)
}

/**
 * Where proxies cannot connect from the address of their pod, the tunnel's baggage names the pod; only
 * one that is known and has the identity that was proven, or a client could pretend to be any.
 */
function addressOf(
  index: MeshIndex,
  { socket, peer }: TunnelClient,
  baggage: string | undefined,
): string | undefined {
  const ip = socket.remoteAddress
  if (baggage === undefined || (ip !== undefined && index.workloadByIp(ip))) return ip
  const named = index.state.workloads.find(
    (one) => one.sockets && identityOf(one) === peer && formatBaggage(one) === baggage,
  )
  return named?.workloadIps[0] ?? ip
}

/** The same for all connections of a tunnel, and dear to make. */
const clientCerts = new WeakMap<TunnelClient, string>()

function clientCertOf(client: TunnelClient, own: string): string {
  const element = clientCerts.get(client) ?? clientCertElement(client.socket, own, client.peer)
  clientCerts.set(client, element)
  return element
}

function refuse(offer: ConnectOffer, status: number, reason: string): void {
  offer.refuse(status)
  logLimited('warn', 'inbound', `connection refused: ${reason}`, { authority: offer.authority })
}
