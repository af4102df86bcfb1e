import type { Socket } from 'node:net'
import { cutSides, type Side, splice } from '../copy.ts'
import { dialTcp } from '../dial.ts'
import { ProxyError } from '../errors.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import { authorize } from '../policy/scope.ts'
import type { Connection, Connections } from './connections.ts'
import type { LocalView, MeshView } from './mesh-view.ts'

export interface InboundContext {
  readonly mesh: MeshView
  readonly connections: Connections
}

/** Policy first, then the application; throws what the caller has to answer with. */
export async function reachApplication(
  { mesh }: InboundContext,
  { workload, local }: LocalView,
  input: PolicyInput,
): Promise<Socket> {
  const verdict = authorize(mesh.index, workload, local.mtlsMode, input)
  if (!verdict.allowed) {
    const by = verdict.policy ?? 'no ALLOW policy matches'
    throw new ProxyError('POLICY_DENIED', `connection closed due to policy rejection: ${by}`)
  }
  const app = local.appPorts[String(input.destinationPort)]
  if (!app) {
    throw new ProxyError('CONNECT_FAILED', `port ${input.destinationPort} is no container port`)
  }
  return dialTcp(app)
}

/** Copies until the end, or until a new policy forbids it. Returns how to cut it from outside. */
export function deliver(
  { connections }: InboundContext,
  { workload }: LocalView,
  input: PolicyInput,
  sides: { readonly client: Side; readonly app: Socket },
  { series, end }: Connection,
): () => void {
  const { client, app } = sides
  let reason: ProxyError | undefined
  const cut = (): void => cutSides(client, app)
  const release = connections.guard({
    workload,
    input,
    cut: (error) => {
      reason = error
      cut()
    },
  })
  splice(client, app, {
    received: series.received,
    sent: series.sent,
    onEnd: (error) => {
      release()
      end(reason ?? error, app)
    },
  })
  return cut
}

/** An IPv4 peer on a dual-stack listener is still an IPv4 peer. */
export function plainIp(address: string | undefined): string {
  return address?.startsWith('::ffff:') ? address.slice(7) : (address ?? '')
}
