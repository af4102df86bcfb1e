import type { Duplex } from 'node:stream'
import type { TrafficPolicy } from '../config/l7.ts'
import { type Endpoint, identityOf, socketOf } from '../config/mesh-index.ts'
import type { Workload } from '../config/mesh-state.ts'
import { dialTcp } from '../dial.ts'
import { ProxyError } from '../errors.ts'
import type { HbonePool } from '../hbone/pool.ts'
import { HBONE_PORT } from '../hbone/settings.ts'
import type { Credential } from '../identity/certificates.ts'
import { connectMtls } from '../identity/client.ts'
import type { UnderWay } from '../process/under-way.ts'
import { logLimited } from '../telemetry/log.ts'
import type { HttpLimits } from './limits.ts'

/** Who dials: the proxy's identity and the address its connections come from. */
export interface Dialler {
  readonly kind: 'sidecar' | 'waypoint'
  readonly credential: () => Credential
  readonly sourceIp: () => string | undefined
  readonly tunnels: HbonePool
  readonly limits: HttpLimits
  readonly underWay: UnderWay
}

/**
 * Istio's automatic mutual TLS, per endpoint and dialler (transportTo). What the dialler could reach by
 * either is never talked to in plaintext, unless a DestinationRule says so; HBONE stays whatever it says.
 */
export async function dialEndpoint(
  dialler: Dialler,
  endpoint: Endpoint,
  alpn: readonly string[],
  signal?: AbortSignal,
  traffic: TrafficPolicy = {},
): Promise<Duplex> {
  try {
    const socket = await dialler.underWay.track(dial(dialler, endpoint, alpn, signal, traffic))
    // A server may end a stream together with its 200: 'close' was emitted before anybody listened.
    if (socket.destroyed) {
      throw new ProxyError('CONNECT_FAILED', 'the connection ended as soon as it was made')
    }
    return socket
  } catch (error) {
    logMistrust(endpoint, error)
    throw error
  }
}

/** The caller only learns that the connection failed; why a server is not believed stands in the log. */
function logMistrust({ workload, ip, targetPort }: Endpoint, error: unknown): void {
  if (!(error instanceof ProxyError) || !/^PEER_|^TLS_/.test(error.code)) return
  logLimited('warn', 'outbound', `server refused: ${error.message}`, {
    code: error.code,
    workload: workload.name,
    destination: `${ip}:${targetPort}`,
  })
}

async function dial(
  { kind, credential, sourceIp, tunnels, limits }: Dialler,
  { workload, ip, targetPort }: Endpoint,
  alpn: readonly string[],
  signal: AbortSignal | undefined,
  { tls, connectTimeoutMs }: TrafficPolicy,
): Promise<Duplex> {
  const expectedIdentities = [identityOf(workload)]
  const address = socketOf(workload, ip, targetPort)
  const source = sourceIp()
  const common = {
    ...(source ? { localAddress: source } : {}),
    timeoutMs: connectTimeoutMs ?? limits.connectTimeoutMs,
    ...(signal ? { signal } : {}),
  }
  const transport = transportTo(workload, kind)
  const mutual = transport === 'istio' ? tls !== 'DISABLE' : tls === 'ISTIO_MUTUAL'
  if (mutual && transport !== 'hbone') {
    return connectMtls({
      address,
      credential: credential(),
      expectedIdentities,
      alpn,
      ...common,
    })
  }
  if (transport === 'hbone') {
    const nextHop = socketOf(workload, ip, workload.hbonePort ?? HBONE_PORT)
    return tunnels.open(
      {
        credential: credential(),
        expectedIdentities,
        nextHop,
        ...(source ? { sourceIp: source } : {}),
      },
      { authority: `${ip}:${targetPort}` },
      signal,
    )
  }
  return dialTcp(address, common)
}

/**
 * A sidecar speaks Istio's own mutual TLS to whoever knows it, as long as PILOT_PREFER_SENDING_HBONE is
 * off; a waypoint has never learnt it
 * (istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go: buildEnvoyLbEndpoint).
 */
function transportTo(workload: Workload, by: Dialler['kind']): 'istio' | 'hbone' | 'plaintext' {
  if (by === 'sidecar' && workload.tlsMode === 'istio') return 'istio'
  return workload.protocol === 'HBONE' ? 'hbone' : 'plaintext'
}

/** Whether the endpoint proves to such a dialler who it is. */
export function isAuthenticated({ workload }: Endpoint, by: Dialler['kind']): boolean {
  return transportTo(workload, by) !== 'plaintext'
}
