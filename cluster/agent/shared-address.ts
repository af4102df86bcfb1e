import { addressNames } from './address-names.ts'
import { type AddressPlan, NumberPool } from './address-plan.ts'
import { bindSocket } from './bound-socket.ts'
import { dropClaim, tryClaim } from './claim.ts'
import { AgentError } from './errors.ts'

const host = '127.0.0.1'
/** Below what systems give to outgoing connections (Linux from 32768, macOS from 49152). */
const firstPort = 10_000
const portsPerBlock = 2_000
const blocks = 11

/**
 * All sockets on 127.0.0.1, told apart by their ports: for systems whose loopback is that address
 * only. Pods and services keep addresses of their own as names; `socket` says where each really is.
 *
 * - A name and port keep their real port until the name is released.
 * - A cluster takes ports from one block of 2,000, which it claims by listening on the first.
 */
export async function claimSharedAddress(): Promise<AddressPlan> {
  for (let block = 0; block < blocks; block += 1) {
    const claim = await tryClaim(host, firstPort + block * portsPerBlock)
    if (claim) return sharedPlan(block, () => dropClaim(claim))
  }
  throw new AgentError('NO_ADDRESSES', 'no free block of ports is left for a cluster', {
    hint: `Stop other meshbench runs, or whatever listens on ports ${firstPort}, ${firstPort + portsPerBlock} and so on.`,
  })
}

function sharedPlan(block: number, close: () => Promise<void>): AddressPlan {
  const names = addressNames(block + 1)
  const base = firstPort + block * portsPerBlock + 1
  const pool = new NumberPool(portsPerBlock - 1)
  const held = new Map<string, Map<number, number>>()

  const claimPort = (): number => {
    const passed: number[] = []
    try {
      for (;;) {
        const number = pool.take()
        if (number === undefined) {
          throw new AgentError('NO_ADDRESSES', `all ports from ${base} on are in use`, {
            hint: 'Deploy fewer pods and services at once.',
          })
        }
        if (isFree(base + number)) return number
        passed.push(number)
      }
    } finally {
      for (const number of passed) pool.release(number)
    }
  }
  const hold = (name: string): string => {
    held.set(name, new Map())
    return name
  }
  const release = (name: string): void => {
    for (const number of held.get(name)?.values() ?? []) pool.release(number)
    held.delete(name)
  }
  return {
    ...names,
    takePod: () => {
      const pod = names.takePod()
      hold(pod.podIp)
      hold(pod.appHost)
      return pod
    },
    releasePod: (pod) => {
      release(pod.podIp)
      release(pod.appHost)
      names.releasePod(pod)
    },
    takeCapture: () => hold(names.takeCapture()),
    releaseCapture: (address) => {
      release(address)
      names.releaseCapture(address)
    },
    socket: (name, port) => {
      const ports = held.get(name)
      // Nothing of ours any more: better nowhere than where somebody else is by now.
      if (!ports) return { host: name, port }
      const number = ports.get(port) ?? claimPort()
      ports.set(port, number)
      return { host, port: base + number }
    },
    close,
  }
}

/** Whether some program not of ours has taken the port. */
function isFree(port: number): boolean {
  try {
    bindSocket(host, port).close()
    return true
  } catch {
    return false
  }
}
