import type { CapturedListener } from '../config/process.ts'
import { HbonePool } from '../hbone/pool.ts'
import type { Accept } from '../process/listeners.ts'
import type { ProxyProgram } from '../process/run.ts'
import { UnderWay } from '../process/under-way.ts'
import { Registry } from '../telemetry/registry.ts'
import { Connections } from './connections.ts'
import { createHboneInbound } from './inbound.ts'
import { createPlaintextInbound } from './inbound-plaintext.ts'
import { MeshView } from './mesh-view.ts'
import { createOutbound } from './outbound.ts'
import { workloadStates } from './workload-state.ts'

/** The L4 proxy of a node: stands in for every captured pod there, each with its own identity. */
export function createZtunnel(): ProxyProgram {
  const registry = new Registry()
  const mesh = new MeshView()
  const connections = new Connections(registry)
  const pool = new HbonePool()
  const underWay = new UnderWay()

  const serve = (listener: CapturedListener): Accept => {
    switch (listener.kind) {
      case 'outbound':
        return createOutbound({ mesh, connections, pool, underWay }, listener)
      case 'inbound':
        return createPlaintextInbound({ mesh, connections }, listener)
      case 'hbone':
        return createHboneInbound({ mesh, connections }, listener)
    }
  }
  return {
    registry,
    underWay,
    serve,
    configure: (config) => {
      mesh.replace(config)
      connections.enforce(mesh.index, (uid) => mesh.local(uid))
    },
    dump: (open) => ({
      tunnels: pool.size,
      workloadState: workloadStates(mesh.locals(), mesh.index, open),
    }),
    close: () => pool.close(),
  }
}
