import { type AddressPlan, NumberPool } from './address-plan.ts'
import { AgentError } from './errors.ts'

export type AddressNames = Omit<AddressPlan, 'socket' | 'close'>

/** Last octets 1..254. */
const hostsPerOctet = 254
const appOctetOffset = 64
const octets = {
  pod: { first: 1, count: 63 },
  capture: { first: 128, count: 64 },
  clusterIp: { first: 192, count: 63 },
} as const

/**
 * The addresses within 127.X.0.0/16: 127.X.1-63.n for pods, 64 higher in the third octet for the
 * application behind, 127.X.128-191.n for captured services, 127.X.192-254.n for service addresses.
 */
export function addressNames(block: number): AddressNames {
  const pods = range(block, octets.pod)
  const captures = range(block, octets.capture)
  const clusterIps = range(block, octets.clusterIp)
  return {
    takePod: () => {
      const podIp = pods.take()
      const [, , third = '0', fourth = '0'] = podIp.split('.')
      return { podIp, appHost: `127.${block}.${Number(third) + appOctetOffset}.${fourth}` }
    },
    releasePod: ({ podIp }) => pods.release(podIp),
    takeCapture: captures.take,
    releaseCapture: captures.release,
    takeClusterIp: clusterIps.take,
  }
}

function range(
  block: number,
  { first, count }: { readonly first: number; readonly count: number },
): { take(): string; release(address: string): void } {
  const pool = new NumberPool(count * hostsPerOctet)
  return {
    take: () => {
      const number = pool.take()
      if (number === undefined) {
        throw new AgentError(
          'NO_ADDRESSES',
          `all addresses of 127.${block}.${first}.0 are in use`,
          {
            hint: 'Deploy fewer pods and services at once.',
          },
        )
      }
      const third = first + Math.floor(number / hostsPerOctet)
      return `127.${block}.${third}.${1 + (number % hostsPerOctet)}`
    },
    release: (address) => {
      const [, , third = '0', fourth = '0'] = address.split('.')
      pool.release((Number(third) - first) * hostsPerOctet + Number(fourth) - 1)
    },
  }
}
