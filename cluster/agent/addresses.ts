import type { AddressPlan } from './address-plan.ts'
import { claimLoopbackBlock, hasWholeLoopback } from './loopback-block.ts'
import { claimSharedAddress } from './shared-address.ts'

/** `own`: every pod has an address. `shared`: all have 127.0.0.1 and ports of their own. */
export type Addresses = 'own' | 'shared'

/** Unless told, pods have addresses of their own where the system has them. */
export async function claimAddresses(wanted: Addresses | undefined): Promise<AddressPlan> {
  const addresses = wanted ?? ((await hasWholeLoopback()) ? 'own' : 'shared')
  return addresses === 'own' ? claimLoopbackBlock() : claimSharedAddress()
}
