import type { Socket } from 'node:net'
import { sourceOf } from '../config/mesh-index.ts'
import type { CapturedListener } from '../config/process.ts'
import { cutSides, type Side, splice } from '../copy.ts'
import { dialTcp } from '../dial.ts'
import { errorMessage } from '../errors.ts'
import { formatAuthority } from '../hbone/authority.ts'
import { formatBaggage, formatForwarded, newTraceparent } from '../hbone/headers.ts'
import type { HbonePool } from '../hbone/pool.ts'
import type { Accept, Live } from '../process/listeners.ts'
import type { UnderWay } from '../process/under-way.ts'
import { logDropped } from './access-log.ts'
import type { Connection, Connections } from './connections.ts'
import type { LocalView, MeshView } from './mesh-view.ts'
import { type Route, routeOutbound } from './route.ts'

export interface OutboundContext {
  readonly mesh: MeshView
  readonly connections: Connections
  readonly pool: HbonePool
  readonly underWay: UnderWay
}

type OutboundListener = Extract<CapturedListener, { kind: 'outbound' }>

/** Serves what an application sends: one connection in, one tunnel stream or plain connection out. */
export function createOutbound(context: OutboundContext, listener: OutboundListener): Accept {
  return (client, live) => {
    client.on('error', ignore)
    void connect(context, listener, client, live)
  }
}

async function connect(
  { mesh, connections, pool, underWay }: OutboundContext,
  listener: OutboundListener,
  client: Socket,
  live: Live,
): Promise<void> {
  const wanted = listener.originalDestination
  let connection: Connection | undefined
  try {
    const view = mesh.find(listener.workloadUid) ?? (await mesh.resolve(listener.workloadUid))
    const route = routeOutbound(mesh.index, view.workload, wanted)
    const sourceAddress = `${view.workload.workloadIps[0]}:${client.remotePort}`
    connection = openConnection(connections, view, route, sourceAddress)
    const upstream = await underWay.track<Side>(
      route.kind === 'tcp' ? dialTcp(route.nextHop) : openTunnel(pool, view, route, sourceAddress),
    )
    if (client.destroyed) {
      upstream.on('error', ignore)
      cutSides(client, upstream)
      connection.end(undefined)
      return
    }
    live.cut = () => cutSides(client, upstream)
    const { series, end } = connection
    splice(client, upstream, {
      received: series.received,
      sent: series.sent,
      onEnd: (error) => end(error, client),
    })
  } catch (error) {
    reject(client)
    if (connection) connection.end(error)
    else {
      logDropped('outbound', {
        from: `${client.remoteAddress}:${client.remotePort}`,
        to: formatAuthority(wanted),
        error: errorMessage(error),
      })
    }
  }
}

function openConnection(
  connections: Connections,
  view: LocalView,
  route: Route,
  sourceAddress: string,
): Connection {
  const mutualTls = route.kind === 'hbone'
  return connections.open({
    direction: 'outbound',
    sourceAddress,
    nextHop: route.nextHop,
    mutualTls,
    ...(mutualTls ? { authority: route.authority } : {}),
    peers: {
      source: view.workload,
      sourceIdentity: mutualTls ? view.local.identity : undefined,
      destination: route.destination,
      destinationIdentity: mutualTls ? route.expectedIdentities.at(-1) : undefined,
      service: route.service,
    },
  })
}

async function openTunnel(
  pool: HbonePool,
  { workload, credential }: LocalView,
  route: Extract<Route, { kind: 'hbone' }>,
  sourceAddress: string,
): Promise<Side> {
  const own = sourceOf(workload)
  const sourceIp = own !== undefined && canBind(own) ? own : undefined
  return pool.open(
    {
      credential,
      expectedIdentities: route.expectedIdentities,
      nextHop: route.nextHop,
      ...(sourceIp ? { sourceIp } : {}),
    },
    {
      authority: route.authority,
      baggage: formatBaggage(workload),
      forwarded: formatForwarded(sourceAddress, route.service),
      traceparent: newTraceparent(),
    },
  )
}

/**
 * A tunnel starts at the pod's own address, as it does in a pod's network namespace: policy and
 * telemetry at the other end go by it. Linux lets everybody bind all of 127.0.0.0/8. Only tunnels do it:
 * with an explicit address the kernel spends one local port per connection to whatever destination.
 */
function canBind(ip: string): boolean {
  return process.platform === 'linux' && ip.startsWith('127.') && ip !== '127.0.0.1'
}

/** The kernel answers unread data with a reset; what node has read already must not hide that. */
function reject(client: Socket): void {
  if (client.readableLength > 0) client.resetAndDestroy()
  else client.destroy()
}

function ignore(): void {}
