import { addressNames } from './address-names.ts'
import type { AddressPlan } from './address-plan.ts'
import { dropClaim, tryClaim } from './claim.ts'
import { AgentError } from './errors.ts'

/** Held by a cluster on 127.X.0.1 for as long as it uses the block. */
const claimPorts = [15999, 16999, 17999] as const
const lastBlock = 254

/**
 * Every pod has an address of its own: Linux answers for all of 127.0.0.0/8 without configuration. A
 * name is where its sockets are.
 */
export async function claimLoopbackBlock(): Promise<AddressPlan> {
  for (const port of claimPorts) {
    for (let block = 1; block <= lastBlock; block += 1) {
      const claim = await tryClaim(`127.${block}.0.1`, port)
      if (!claim) continue
      return {
        ...addressNames(block),
        socket: (host, port) => ({ host, port }),
        close: () => dropClaim(claim),
      }
    }
  }
  throw new AgentError('NO_ADDRESSES', 'no free 127.X.0.0/16 block is left for a cluster', {
    hint: `Stop other meshbench runs, or whatever listens on port ${claimPorts[0]} of all addresses.`,
  })
}

/** Linux and Windows answer for 127.0.0.0/8, macOS and BSD for 127.0.0.1. */
export async function hasWholeLoopback(): Promise<boolean> {
  const server = await tryClaim('127.254.254.254', 0)
  server?.close()
  return server !== undefined
}
