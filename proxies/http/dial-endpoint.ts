import type { Duplex } from 'node:stream'
import type { TrafficPolicy } from '../config/l7.ts'
import { type Endpoint, identityOf, socketOf } from '../config/mesh-index.ts'
import { dialTcp } from '../dial.ts'
import type { HbonePool } from '../hbone/pool.ts'
import { HBONE_PORT } from '../hbone/settings.ts'
import type { Credential } from '../identity/certificates.ts'
import { connectMtls } from '../identity/client.ts'
import type { HttpLimits } from './limits.ts'

/** Who dials: the proxy's identity and the address its connections come from. */
export interface Dialler {
  readonly credential: () => Credential
  readonly sourceIp: () => string | undefined
  readonly tunnels: HbonePool
  readonly limits: HttpLimits
}

/**
 * Istio's automatic mutual TLS, per endpoint: a pod with a sidecar by Istio's TLS, an ambient pod in
 * an HBONE tunnel, any other in plaintext. What is expected to be in the mesh is never talked to
 * in plaintext, unless a DestinationRule says so; HBONE stays whatever it says.
 */
export async function dialEndpoint(
  { credential, sourceIp, tunnels, limits }: Dialler,
  { workload, ip, targetPort }: Endpoint,
  alpn: readonly string[],
  signal?: AbortSignal,
  { tls, connectTimeoutMs }: TrafficPolicy = {},
): Promise<Duplex> {
  const expectedIdentities = [identityOf(workload)]
  const address = socketOf(workload, ip, targetPort)
  const source = sourceIp()
  const common = {
    ...(source ? { localAddress: source } : {}),
    timeoutMs: connectTimeoutMs ?? limits.connectTimeoutMs,
    ...(signal ? { signal } : {}),
  }
  const hbone = workload.protocol === 'HBONE' && workload.tlsMode !== 'istio'
  const mutual = workload.tlsMode === 'istio' ? tls !== 'DISABLE' : tls === 'ISTIO_MUTUAL'
  if (mutual && !hbone) {
    return connectMtls({
      address,
      credential: credential(),
      expectedIdentities,
      alpn,
      ...common,
    })
  }
  if (hbone) {
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

/** Whether the endpoint proves who it is. */
export function isAuthenticated({ workload }: Endpoint): boolean {
  return workload.tlsMode === 'istio' || workload.protocol === 'HBONE'
}
