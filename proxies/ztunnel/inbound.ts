import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { CapturedListener } from '../config/process.ts'
import { errorCode, errorMessage, ProxyError } from '../errors.ts'
import { formatBaggage, parseBaggage } from '../hbone/headers.ts'
import { type ConnectOffer, serveTunnel } from '../hbone/server.ts'
import { HBONE_ALPN } from '../hbone/settings.ts'
import { createMtlsAcceptor } from '../identity/server.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { logDropped, logFailed } from './access-log.ts'
import type { Connection } from './connections.ts'
import { deliver, type InboundContext, plainIp, reachApplication } from './deliver.ts'
import type { LocalView } from './mesh-view.ts'
import { resolveTarget } from './target.ts'

type HboneListener = Extract<CapturedListener, { kind: 'hbone' }>

/** Port 15008 of one pod: each tunnel carries connections of one peer, proven once. */
export function createHboneInbound(context: InboundContext, listener: HboneListener): Accept {
  const { mesh } = context
  const lives = new WeakMap<Socket, Live>()
  let acceptor: ((raw: Socket) => void) | undefined

  const acceptorFor = ({ local }: LocalView): ((raw: Socket) => void) =>
    createMtlsAcceptor({
      store: mesh.certificates,
      identity: local.identity,
      alpn: HBONE_ALPN,
      onSecure: (socket, peer, raw) => {
        const tunnel = serveTunnel(socket, {
          onConnect: (offer) => void serve(context, listener, offer, socket, peer),
          onInvalid: (error) => dropped(socket, error),
        })
        const live = lives.get(raw)
        if (!live) return
        live.drain = tunnel.drain
        live.cut = tunnel.cut
      },
      onRefused: (error, socket) =>
        logFailed({
          'src.addr': `${socket.remoteAddress}:${socket.remotePort}`,
          direction: 'inbound',
          code: error.code,
          error: error.message,
        }),
    })

  return (raw, live) => {
    raw.on('error', () => {})
    lives.set(raw, live)
    const view = acceptor ? undefined : mesh.find(listener.workloadUid)
    if (view) acceptor = acceptorFor(view)
    if (acceptor) {
      acceptor(raw)
      return
    }
    mesh.resolve(listener.workloadUid).then(
      (late) => {
        acceptor ??= acceptorFor(late)
        if (!raw.destroyed) acceptor(raw)
      },
      (error: unknown) => {
        dropped(raw, errorMessage(error))
        raw.destroy()
      },
    )
  }
}

async function serve(
  context: InboundContext,
  { workloadUid }: HboneListener,
  offer: ConnectOffer,
  socket: TLSSocket,
  peer: string,
): Promise<void> {
  const { mesh, connections } = context
  let connection: Connection | undefined
  try {
    const view = mesh.find(workloadUid) ?? (await mesh.resolve(workloadUid))
    const { workload, local } = view
    const target = resolveTarget(mesh.index, workload, offer.authority, offer.forwarded)
    if ('status' in target) {
      offer.refuse(target.status)
      dropped(socket, target.reason, offer.authority)
      return
    }
    const sourceIp = plainIp(socket.remoteAddress)
    const destinationIp = workload.workloadIps[0] ?? ''
    const input = { sourceIp, sourceIdentity: peer, destinationIp, destinationPort: target.port }
    connection = connections.open({
      direction: 'inbound',
      sourceAddress: `${sourceIp}:${socket.remotePort}`,
      nextHop: { host: destinationIp, port: target.port },
      authority: offer.authority,
      mutualTls: true,
      peers: {
        source: mesh.index.workloadByIp(sourceIp) ?? parseBaggage(offer.baggage),
        sourceIdentity: peer,
        destination: workload,
        destinationIdentity: local.identity,
        service: target.service,
      },
    })
    const app = await reachApplication(context, view, input)
    const client = offer.accept(formatBaggage(workload))
    deliver(context, view, input, { client, app }, connection)
  } catch (error) {
    offer.refuse(statusOf(error))
    if (connection) connection.end(error)
    else dropped(socket, errorMessage(error), offer.authority)
  }
}

/** ztunnel answers 401 to policy and 503 to all that it cannot reach, never 403 or 504. */
function statusOf(error: unknown): number {
  return error instanceof ProxyError && errorCode(error) === 'POLICY_DENIED' ? 401 : 503
}

function dropped(socket: Socket, error: string, to = ''): void {
  logDropped('inbound', { from: `${socket.remoteAddress}:${socket.remotePort}`, to, error })
}
