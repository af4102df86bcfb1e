import type { Duplex } from 'node:stream'
import { type Endpoint, identityOf } from '../config/mesh-index.ts'
import type { HbonePool } from '../hbone/pool.ts'
import { HBONE_PORT } from '../hbone/settings.ts'
import { dialTcp } from '../http/dial-tcp.ts'
import type { HttpLimits } from '../http/limits.ts'
import type { CertificateStore } from '../identity/certificates.ts'
import { connectMtls } from '../identity/client.ts'
import type { PodView } from './context.ts'

export interface EndpointDialOptions {
  readonly view: () => PodView
  readonly store: CertificateStore
  readonly tunnels: HbonePool
  readonly limits: HttpLimits
}

/**
 * Istio's automatic mutual TLS, per endpoint: a pod with a sidecar by Istio's TLS, an ambient pod in
 * an HBONE tunnel, any other in plaintext. What is expected to be in the mesh is never talked to
 * in plaintext.
 */
export async function dialEndpoint(
  { view, store, tunnels, limits }: EndpointDialOptions,
  { workload, ip, targetPort }: Endpoint,
  alpn: readonly string[],
  signal?: AbortSignal,
): Promise<Duplex> {
  const { local, ip: sourceIp } = view()
  const expectedIdentities = [identityOf(workload)]
  const abort = signal ? { signal } : {}
  if (workload.tlsMode === 'istio') {
    return connectMtls({
      address: { host: ip, port: targetPort },
      credential: store.get(local.identity),
      expectedIdentities,
      alpn,
      localAddress: sourceIp,
      timeoutMs: limits.connectTimeoutMs,
      ...abort,
    })
  }
  if (workload.protocol === 'HBONE') {
    const nextHop = { host: ip, port: workload.hbonePort ?? HBONE_PORT }
    return tunnels.open(
      { credential: store.get(local.identity), expectedIdentities, nextHop, sourceIp },
      { authority: `${ip}:${targetPort}` },
      signal,
    )
  }
  return dialTcp({
    address: { host: ip, port: targetPort },
    localAddress: sourceIp,
    timeoutMs: limits.connectTimeoutMs,
    ...abort,
  })
}

/** Whether the endpoint proves who it is. */
export function isAuthenticated({ workload }: Endpoint): boolean {
  return workload.tlsMode === 'istio' || workload.protocol === 'HBONE'
}
