import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { AppProtocol } from '../../proxies/config/mesh-state.ts'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { startAmbientPair } from '../support/ambient-pair.ts'
import { type Metrics, type ProxyProcess, total } from '../support/proxy-process.ts'
import { startSidecarPair } from '../support/sidecar-pair.ts'
import { startWaypointPath } from '../support/waypoint-path.ts'

export const MODES = ['baseline', 'sidecar', 'ambient', 'waypoint'] as const
export type Mode = (typeof MODES)[number]

/** The way from a client application to a server application in one mode, its proxies processes. */
export interface Path {
  readonly mode: Mode
  /** Where the client application connects to. */
  readonly address: SocketAddress
  readonly proxies: readonly ProxyProcess[]
  stop(): Promise<void>
}

/** Test files run beside each other, and an ambient pair has fixed ports: each file has its network. */
const NETWORKS = ['bodies', 'connections', 'grpc', 'grpc-balance', 'tcp', 'back-pressure']

function network(): number {
  const file = basename(process.argv[1] ?? '').replace(/\.test\.[jt]s$/, '')
  const index = NETWORKS.indexOf(file)
  if (index < 0) throw new Error(`no network for ${file}: add it to NETWORKS`)
  return 245 + index
}

export async function startPath(
  mode: Mode,
  app: SocketAddress,
  protocol: AppProtocol,
): Promise<Path> {
  switch (mode) {
    case 'baseline':
      return { mode, address: app, proxies: [], stop: async () => {} }
    case 'sidecar': {
      const { address, client, server, stop } = await startSidecarPair({ app, protocol })
      return { mode, address: only(address), proxies: [client, server], stop }
    }
    case 'ambient': {
      const pair = await startAmbientPair(network(), { app })
      const { capture, source, destination, stop } = pair
      return { mode, address: capture, proxies: [source, destination], stop }
    }
    case 'waypoint': {
      const path = await startWaypointPath(app, protocol)
      const { address, source, waypoint, destination, stop } = path
      return { mode, address: only(address), proxies: [source, waypoint, destination], stop }
    }
  }
}

/** Without the handle of its socket, which node's `connect` would take for one to connect with. */
function only({ host, port }: SocketAddress): SocketAddress {
  return { host, port }
}

/** Whether this mode looks at requests, and not only at bytes. */
export function isL7(mode: Mode): boolean {
  return mode === 'sidecar' || mode === 'waypoint'
}

/** Peak resident memory of each proxy so far, in bytes; empty where the kernel does not tell. */
export function peakMemoryBytes({ proxies }: Path): readonly number[] {
  if (process.platform !== 'linux') return []
  return proxies.map(({ child }) => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
  })
}

/** Makes the kernel forget the peaks so far. */
export function forgetPeaks({ proxies }: Path): void {
  if (process.platform !== 'linux') return
  for (const { child } of proxies) writeFileSync(`/proc/${child.pid}/clear_refs`, '5')
}

/** Open file descriptors of each proxy. */
export function openFiles({ proxies }: Pick<Path, 'proxies'>): readonly number[] {
  if (process.platform !== 'linux') return []
  return proxies.map(({ child }) => readdirSync(`/proc/${child.pid}/fd`).length)
}

/** Sum over the proxies that report as this. */
export async function sumOf(
  { proxies }: Pick<Path, 'proxies'>,
  name: string,
  labels: Record<string, string>,
): Promise<number> {
  const all = await Promise.all(proxies.map((proxy): Promise<Metrics> => proxy.metrics()))
  return all.reduce((sum, metrics) => sum + total(metrics, name, labels), 0)
}
