import { createServer, type Server } from 'node:net'
import { type AddressPlan, NumberPool } from './address-plan.ts'
import { AgentError } from './errors.ts'

/** Held by a cluster on 127.X.0.1 for as long as it uses the block. */
const claimPorts = [15999, 16999, 17999] as const
const lastBlock = 254
/** Last octets 1..254. */
const hostsPerOctet = 254
const appOctetOffset = 64
const octets = {
  pod: { first: 1, count: 63 },
  capture: { first: 128, count: 64 },
  clusterIp: { first: 192, count: 63 },
} as const

/**
 * Linux answers for all of 127.0.0.0/8 without configuration, so every pod has an address of its own:
 * 127.X.1-63.n for pods, 64 higher in the third octet for the application behind, 127.X.128-191.n for
 * captured services, 127.X.192-254.n for service addresses.
 */
export async function claimLoopbackBlock(): Promise<AddressPlan> {
  if (!(await hasWholeLoopback())) {
    throw new AgentError('NO_ADDRESSES', 'the loopback of this system is one address only', {
      hint: 'The embedded cluster needs all of 127.0.0.0/8: run it on Linux, in a VM or in a container.',
    })
  }
  for (const port of claimPorts) {
    for (let block = 1; block <= lastBlock; block += 1) {
      const claim = await tryListen(`127.${block}.0.1`, port)
      if (claim) return loopbackPlan(block, claim)
    }
  }
  throw new AgentError('NO_ADDRESSES', 'no free 127.X.0.0/16 block is left for a cluster', {
    hint: `Stop other meshbench runs, or whatever listens on port ${claimPorts[0]} of all addresses.`,
  })
}

function loopbackPlan(block: number, claim: Server): AddressPlan {
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
    socket: (host, port) => ({ host, port }),
    close: () => new Promise((resolve) => claim.close(() => resolve())),
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

/** Linux and Windows answer for 127.0.0.0/8, macOS and BSD for 127.0.0.1. */
async function hasWholeLoopback(): Promise<boolean> {
  const server = await tryListen('127.254.254.254', 0)
  server?.close()
  return server !== undefined
}

function tryListen(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', () => resolve(undefined))
    // A claim alone should not keep a process running.
    server.listen({ host, port, exclusive: true }, () => resolve(server.unref()))
  })
}
