import { isIP } from 'node:net'
import { type MeshIndex, serviceKey } from '../config/mesh-index.ts'
import type { Service, Workload } from '../config/mesh-state.ts'
import { parseAuthority } from '../hbone/authority.ts'
import { parseForwardedHost } from '../hbone/headers.ts'
import { MESH_PORTS } from './route.ts'

export type Target =
  | { readonly port: number; readonly service: Service | undefined }
  | { readonly status: 400 | 503; readonly reason: string }

/**
 * What a CONNECT addressed to this pod means (istio/ztunnel src/proxy/inbound.rs). Only the port
 * is taken from it: the connection always goes to the pod whose listener accepted it.
 */
export function resolveTarget(
  index: MeshIndex,
  workload: Workload,
  authority: string,
  forwarded: string | undefined,
): Target {
  const wanted = parseAuthority(authority)
  if (!wanted) return { status: 400, reason: 'no valid authority pseudo header' }
  let { port } = wanted
  let service: Service | undefined
  if (isIP(wanted.host) !== 0) {
    if (!workload.workloadIps.includes(wanted.host)) {
      const reason = `ip mismatch: ${workload.workloadIps.join(',')} != ${wanted.host}`
      return { status: 400, reason }
    }
    service = ownService(index, workload, parseForwardedHost(forwarded))
  } else {
    service = index.serviceByHostname(wanted.host, workload.namespace)
    if (!service)
      return { status: 503, reason: `no service or workload for hostname ${wanted.host}` }
    const targetPort =
      workload.services[serviceKey(service)]?.[String(port)] ?? service.ports[String(port)]
    if (targetPort === undefined) {
      return { status: 503, reason: `found ${wanted.host}, but cannot resolve port ${port}` }
    }
    port = targetPort
  }
  if (MESH_PORTS.has(port)) {
    return { status: 503, reason: `attempted recursive call to ourselves on port ${port}` }
  }
  return { port, service }
}

/** `forwarded` is only believed for services the workload really backs. */
function ownService(
  index: MeshIndex,
  workload: Workload,
  hostname: string | undefined,
): Service | undefined {
  const keys = Object.keys(workload.services)
  if (hostname === undefined) return undefined
  const key = keys.find((known) => known.slice(known.indexOf('/') + 1) === hostname)
  return key === undefined ? undefined : index.service(key)
}
