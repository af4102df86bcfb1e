import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { CertificateStore } from '../identity/certificates.ts'
import { createMtlsAcceptor } from '../identity/server.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { logLimited } from '../telemetry/log.ts'
import { type ConnectOffer, serveTunnel } from './server.ts'
import { HBONE_ALPN } from './settings.ts'

/** Envoy's limit, as all streams of a tunnel are bound to one worker; a ztunnel allows 200. */
const ENVOY_MAX_STREAMS = 100

/** Requests that are served inside a tunnel. */
interface Served {
  drain(): void
}

/** The other end of a tunnel, proven once for all connections in it. */
export interface TunnelClient {
  readonly socket: TLSSocket
  readonly peer: string
  /** Lets what runs inside the tunnel end together with it. */
  run(served: Served, stream: { once(event: 'close', listener: () => void): unknown }): void
}

export interface TunnelAcceptorOptions {
  readonly store: CertificateStore
  readonly identity: string
  readonly onConnect: (offer: ConnectOffer, client: TunnelClient) => void
}

/** Port 15008 of a proxy that looks into tunnels, sidecar or waypoint: nothing but HBONE gets in. */
export function acceptTunnels({ store, identity, onConnect }: TunnelAcceptorOptions): Accept {
  const lives = new WeakMap<Socket, Live>()
  const accept = createMtlsAcceptor({
    store,
    identity,
    alpn: HBONE_ALPN,
    onSecure: (socket, peer, raw) => serve(socket, peer, lives.get(raw), onConnect),
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

function serve(
  socket: TLSSocket,
  peer: string,
  live: Live | undefined,
  onConnect: TunnelAcceptorOptions['onConnect'],
): void {
  const running = new Set<Served>()
  let draining = false
  const client: TunnelClient = {
    socket,
    peer,
    run: (served, stream) => {
      running.add(served)
      stream.once('close', () => running.delete(served))
      // It crossed the first GOAWAY.
      if (draining) served.drain()
    },
  }
  const tunnel = serveTunnel(socket, {
    maxConcurrentStreams: ENVOY_MAX_STREAMS,
    onConnect: (offer) => onConnect(offer, client),
  })
  if (live === undefined) return
  live.cut = tunnel.cut
  live.drain = () => {
    draining = true
    tunnel.drain()
    for (const connection of running) connection.drain()
  }
}
