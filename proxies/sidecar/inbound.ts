import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { CapturedListener } from '../config/process.ts'
import { dialTcp } from '../dial.ts'
import { ProxyError } from '../errors.ts'
import { SERVER_ALPN } from '../http/alpn.ts'
import { Http2Pool } from '../http/http2-pool.ts'
import { Pool } from '../http/pool.ts'
import { relayTcp } from '../http/relay-tcp.ts'
import { serveHttp } from '../http/serve.ts'
import { createMtlsAcceptor } from '../identity/server.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { logLimited } from '../telemetry/log.ts'
import type { SidecarContext } from './context.ts'
import { clientCertElement, inboundRules } from './inbound-rules.ts'
import { InboundTelemetry } from './inbound-telemetry.ts'
import { SILENCE_MS, sniff } from './sniff.ts'

/**
 * Where Envoy binds connections to the application, so that they are told from the pod's own
 * (istio/istio pilot/pkg/networking/util: InboundPassthroughBindIpv4).
 */
const INBOUND_SOURCE = '127.0.0.6'

/** Connections to one container port of our application. */
export function inbound(
  context: SidecarContext,
  listener: Extract<CapturedListener, { kind: 'inbound' }>,
): Accept {
  const { port } = listener
  const { limits, sweeper } = context
  const telemetry = new InboundTelemetry(context, port)
  const dialApp = (signal?: AbortSignal): Promise<Socket> => {
    const address = context.view().local.appPorts[String(port)]
    if (address === undefined) {
      const message = `the application does not listen on container port ${port}`
      return Promise.reject(new ProxyError('CONNECT_FAILED', message))
    }
    const localAddress = context.view().source && sourceFor(address.host)
    return dialTcp(address, {
      timeoutMs: limits.connectTimeoutMs,
      ...(localAddress ? { localAddress } : {}),
      ...(signal ? { signal } : {}),
    })
  }
  const pool = { limits, sweeper, dial: dialApp }
  const app = { address: `app:${port}`, pool: new Pool(pool), http2: new Http2Pool(pool) }
  const cluster = {
    name: `inbound|${port}||`,
    upstreams: [{ ...app, active: 0, series: undefined }],
  }

  const facts = (socket: Socket, peer: string | undefined): PolicyInput => ({
    sourceIp: socket.remoteAddress ?? '',
    sourceIdentity: peer,
    destinationIp: context.view().workload.workloadIps[0] ?? '',
    destinationPort: port,
  })
  const relay = (socket: Socket, peer: string | undefined): void => {
    if (context.view().gate?.admitConnection(facts(socket, peer)) !== false) {
      relayTcp(socket, dialApp, telemetry.connection(socket.remoteAddress, peer))
      return
    }
    logLimited('info', 'inbound', 'connection refused by policy', {
      port,
      source: socket.remoteAddress,
    })
    socket.destroy()
  }

  const serve = (socket: Socket, live: Live, peer: string | undefined): void => {
    const { view } = context
    if (telemetry.protocol() === 'tcp') {
      relay(socket, peer)
      return
    }
    const clientCert =
      peer === undefined
        ? undefined
        : clientCertElement(socket as TLSSocket, view().local.identity, peer)
    const source = socket.remoteAddress
    const rules = inboundRules({
      cluster,
      metadata: view().metadata,
      clientCert,
      gate: () => view().gate,
      connection: facts(socket, peer),
      series: (nodeId) => telemetry.requests(nodeId, source, peer),
    })
    const connection = serveHttp(socket, rules, context)
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
      if (live === undefined) socket.destroy()
      else serve(socket, live, peer)
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
    const { mtlsMode, portMtlsModes } = context.view().local
    if ((portMtlsModes?.[String(port)] ?? mtlsMode) === 'STRICT') {
      acceptTls(raw, live)
      return
    }
    const silenceMs = telemetry.protocol() === 'tcp' ? silenceOf(raw) : undefined
    sniff(raw, silenceMs, (first) => {
      if (first === 'mesh-tls') acceptTls(raw, live)
      else if (first === 'plaintext') serve(raw, live, undefined)
      else relay(raw, undefined)
    })
  }
}

/** Only where all of 127.0.0.0/8 is local without configuration, and the application in it. */
function sourceFor(host: string): string | undefined {
  return process.platform === 'linux' && host.startsWith('127.') ? INBOUND_SOURCE : undefined
}
