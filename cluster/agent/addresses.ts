import { defaultServicePort } from '../../workloads/discovery.ts'
import { adminPorts, hbonePort } from '../mesh-labels.ts'
import type { AddressPlan } from './address-plan.ts'
import { bindSocket } from './bound-socket.ts'
import { AgentError } from './errors.ts'
import { claimLoopbackBlock, hasWholeLoopback } from './loopback-block.ts'
import { claimSharedAddress } from './shared-address.ts'

/** `own`: every pod has an address. `shared`: all have 127.0.0.1 and ports of their own. */
export type Addresses = 'own' | 'shared'

export interface AddressOptions {
  /** @default own where the system has all of 127.0.0.0/8 and the ports are free there */
  readonly addresses?: Addresses | undefined
  /** Container ports that pods are going to have; the mesh's own are always looked at. @default 8080 */
  readonly ports?: readonly number[] | undefined
  readonly onNotice?: (notice: string) => void
}

const meshPorts = [hbonePort, ...Object.values(adminPorts)]

/**
 * Chooses a plan that can serve these ports. A program that listens on a port of all addresses keeps
 * every pod with an address of its own from it; on a shared address the port is only a name.
 */
export async function claimAddresses(options: AddressOptions = {}): Promise<AddressPlan> {
  const { addresses, ports = [defaultServicePort], onNotice } = options
  if (addresses === 'shared') return claimSharedAddress()
  if (!(await hasWholeLoopback())) {
    if (addresses === undefined) return claimSharedAddress()
    throw new AgentError('NO_ADDRESSES', 'the loopback of this system is 127.0.0.1 only', {
      hint: 'Let pods share that address: leave the choice of addresses to the cluster.',
    })
  }
  const plan = await claimLoopbackBlock()
  const blocked = [...new Set([...meshPorts, ...ports])].filter((port) => !isFree(plan, port))
  if (blocked.length === 0) return plan
  await plan.close()
  const taken = `port ${blocked.join(', ')} is taken on all addresses of this machine`
  if (addresses === undefined) {
    onNotice?.(`${taken}: pods share 127.0.0.1 and get other ports on it`)
    return claimSharedAddress()
  }
  throw new AgentError('SOCKET_TAKEN', taken, {
    hint: `Find who listens with "ss -ltnp sport = :${blocked[0]}" and stop it, or let pods share one address.`,
  })
}

function isFree(plan: AddressPlan, port: number): boolean {
  // Nobody ever listens on a service address, so only a listener on all addresses is in the way.
  const { host } = plan.socket(plan.takeClusterIp(), port)
  try {
    bindSocket(host, port).close()
    return true
  } catch {
    return false
  }
}
