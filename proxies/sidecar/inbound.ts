import type { Socket } from 'node:net'
import { SERVER_ALPN } from '../http/alpn.ts'
import { remoteAddressOf } from '../http/request-entry.ts'
import { createMtlsAcceptor } from '../identity/server.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { logLimited } from '../telemetry/log.ts'
import type { ApplicationPort, Caller } from './application-port.ts'
import type { SidecarContext } from './context.ts'
import { clientCertElement } from './inbound-rules.ts'
import { SILENCE_MS, sniff } from './sniff.ts'

/** Connections to one container port of our application, in Istio's mutual TLS or without. */
export function inbound(context: SidecarContext, app: ApplicationPort): Accept {
  const { port } = app
  const serve = (socket: Socket, live: Live, caller: Caller): void => {
    const connection = app.serve(socket, caller)
    if (connection === undefined) return
    live.drain = () => connection.drain()
    live.cut = () => connection.cut()
  }

  const lives = new WeakMap<Socket, Live>()
  const accept = createMtlsAcceptor({
    store: context.store,
    identity: context.view().local.identity,
    alpn: SERVER_ALPN,
    onSecure: (socket, peer, raw) => {
      const live = lives.get(raw)
      if (live === undefined) {
        socket.destroy()
        return
      }
      const clientCert = clientCertElement(socket, context.view().local.identity, peer)
      serve(socket, live, { ...whereFrom(socket), identity: peer, clientCert })
    },
    onRefused: (error, socket) => {
      logLimited('warn', 'inbound', `connection refused: ${error.message}`, {
        code: error.code,
        port,
        source: socket.remoteAddress,
      })
    },
  })
  const acceptTls = (raw: Socket, live: Live): void => {
    lives.set(raw, live)
    accept(raw)
  }

  const silenceOf = ({ remoteAddress = '' }: Socket): number =>
    context.view().index.workloadByIp(remoteAddress)?.tlsMode === 'istio'
      ? SILENCE_MS.sidecar
      : SILENCE_MS.stranger

  return (raw, live) => {
    raw.on('error', () => {})
    if (app.isStrict) {
      acceptTls(raw, live)
      return
    }
    const silenceMs = app.protocol() === 'tcp' ? silenceOf(raw) : undefined
    sniff(raw, silenceMs, (first) => {
      const stranger = { ...whereFrom(raw), identity: undefined, clientCert: undefined }
      if (first === 'mesh-tls') acceptTls(raw, live)
      else if (first === 'plaintext') serve(raw, live, stranger)
      else app.relay(raw, stranger)
    })
  }
}

function whereFrom(socket: Socket): Pick<Caller, 'ip' | 'address'> {
  return { ip: socket.remoteAddress, address: remoteAddressOf(socket) }
}
