import type { MeshIndex } from './mesh-index.ts'
import type { AppProtocol, Service, Workload } from './mesh-state.ts'

export interface PortFacts {
  /** The first of the services that lead to the port. */
  readonly service: Service
  /** `tcp` unless one of them says otherwise. */
  readonly protocol: AppProtocol
}

/** What services say of a container port; undefined where none leads to it. */
export function portFacts(
  index: MeshIndex,
  workload: Workload,
  containerPort: number,
): PortFacts | undefined {
  let facts: PortFacts | undefined
  for (const [key, ports] of Object.entries(workload.services)) {
    const service = index.service(key)
    if (service === undefined) continue
    for (const [port, target] of Object.entries(ports)) {
      if (target !== containerPort) continue
      const protocol = service.protocols?.[port] ?? 'tcp'
      if (facts === undefined) facts = { service, protocol }
      else if (facts.protocol === 'tcp') facts = { service: facts.service, protocol }
    }
  }
  return facts
}
