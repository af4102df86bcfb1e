import type { Mode, Role } from '../harness/modes.ts'
import type { Window } from '../harness/result/schema.ts'

/** One figure a window yields. Documents show it by this table alone, so a unit is the same everywhere. */
export interface Metric {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'less' | 'more' | 'none'
  /** Most decimals worth printing. */
  readonly digits: number
  /** How a difference reads: costs as a percentage of the base, latency and rates in their unit. */
  readonly show: 'percent' | 'unit'
  /** A difference must exceed both, however sure it is: smaller ones matter to nobody. */
  readonly minimumEffect: { readonly absolute: number; readonly ofBase: number }
  readonly read: (window: Window, mode: Mode) => number | null
}

export const proxyRoles = ['sidecar', 'ztunnel', 'waypoint'] as const satisfies readonly Role[]

const bytesPerMiB = 2 ** 20

/** µs per request is the same number as ms per 1,000 requests. */
const cpuPerThousand = {
  unit: 'ms/1k req',
  better: 'less',
  digits: 1,
  show: 'percent',
  minimumEffect: { absolute: 1, ofBase: 0.02 },
} as const

const memory = {
  unit: 'MiB',
  better: 'less',
  digits: 1,
  show: 'percent',
  minimumEffect: { absolute: 1, ofBase: 0.02 },
} as const

const latency = {
  unit: 'ms',
  better: 'less',
  digits: 2,
  show: 'unit',
  minimumEffect: { absolute: 0.02, ofBase: 0.01 },
} as const

const metricTable = [
  {
    ...cpuPerThousand,
    id: 'proxyCpuCores',
    title: 'Proxy CPU',
    unit: 'cores',
    digits: 3,
    minimumEffect: { absolute: 0.002, ofBase: 0.02 },
    read: (window, mode) => overProxies(mode, window.cpu, ({ cores }) => cores),
  },
  {
    ...cpuPerThousand,
    id: 'proxyCpuMsPerThousand',
    title: 'Proxy CPU per request',
    read: (window, mode) => overProxies(mode, window.cpu, ({ usPerRequest }) => usPerRequest),
  },
  {
    ...cpuPerThousand,
    id: 'appCpuMsPerThousand',
    title: 'Application CPU per request',
    read: (window) => window.cpu.app?.usPerRequest ?? null,
  },
  {
    ...cpuPerThousand,
    id: 'machineCpuMsPerThousand',
    title: 'Whole-machine CPU per request',
    read: machineCpuMsPerThousand,
  },
  {
    ...memory,
    id: 'proxyPssMiB',
    title: 'Proxy memory (PSS)',
    read: (window, mode) => mib(overProxies(mode, window.memory, ({ pssBytes }) => pssBytes)),
  },
  {
    ...memory,
    id: 'proxyPrivateMiB',
    title: 'Proxy memory, private part',
    read: (window, mode) =>
      mib(overProxies(mode, window.memory, ({ privateBytes }) => privateBytes)),
  },
  {
    ...memory,
    id: 'proxyRssMiB',
    title: 'Proxy memory, summed RSS',
    read: (window, mode) => mib(overProxies(mode, window.memory, ({ rssBytes }) => rssBytes)),
  },
  {
    ...memory,
    id: 'proxyProcesses',
    title: 'Proxy processes',
    unit: 'processes',
    digits: 0,
    show: 'unit',
    minimumEffect: { absolute: 0.5, ofBase: 0 },
    read: (window, mode) => overProxies(mode, window.memory, ({ processes }) => processes),
  },
  {
    ...latency,
    id: 'latencyP50Ms',
    title: 'Latency p50',
    read: (window) => ms(window.latencyUs.p50),
  },
  {
    ...latency,
    id: 'latencyP90Ms',
    title: 'Latency p90',
    read: (window) => ms(window.latencyUs.p90),
  },
  {
    ...latency,
    id: 'latencyP99Ms',
    title: 'Latency p99',
    read: (window) => ms(window.latencyUs.p99),
  },
  {
    ...latency,
    id: 'latencyP999Ms',
    title: 'Latency p99.9',
    read: (window) => ms(window.latencyUs.p999),
  },
  {
    ...latency,
    id: 'serviceP50Ms',
    title: 'Service time p50',
    read: (window) => ms(window.serviceTimeUs.p50),
  },
  {
    ...latency,
    id: 'serviceP99Ms',
    title: 'Service time p99',
    read: (window) => ms(window.serviceTimeUs.p99),
  },
  {
    id: 'achievedRate',
    title: 'Achieved rate',
    unit: 'req/s',
    better: 'more',
    digits: 1,
    show: 'unit',
    minimumEffect: { absolute: 0.1, ofBase: 0.01 },
    read: (window) => window.achievedRate,
  },
  {
    id: 'failedShare',
    title: 'Failed requests',
    unit: '% of arrivals',
    better: 'less',
    digits: 3,
    show: 'unit',
    minimumEffect: { absolute: 0.01, ofBase: 0 },
    read: (window) =>
      window.arrivals === 0 ? null : (100 * failedRequests(window)) / window.arrivals,
  },
] as const satisfies readonly Metric[]

export type MetricId = (typeof metricTable)[number]['id']

export const metrics: readonly Metric[] = metricTable

export function metricOf(id: MetricId): Metric {
  const found = metrics.find((metric) => metric.id === id)
  if (found === undefined) throw new TypeError(`no metric is called ${id}`)
  return found
}

/**
 * A mode that takes turns with others holds less than alone (METHODOLOGY.md has the figures), so memory
 * is only held against runs of the same modes.
 */
export function dependsOnOtherModes(id: string): boolean {
  return id === 'proxyPssMiB' || id === 'proxyPrivateMiB' || id === 'proxyRssMiB'
}

/** Every arrival that did not end in a good answer. */
export function failedRequests({ outcomes }: Pick<Window, 'outcomes'>): number {
  const { non2xx, timeout, reset, connectFailed, unanswered } = outcomes
  return non2xx + timeout + reset + connectFailed + unanswered
}

/**
 * The sum over the proxies a mode has. A baseline has none, which is a true 0; another mode without
 * any was not measured. One missing part makes the sum unknown rather than too small.
 */
function overProxies<T>(
  mode: Mode,
  byRole: Partial<Record<Role, T>>,
  read: (part: T) => number | null,
): number | null {
  const parts = proxyRoles.flatMap((role) => byRole[role] ?? [])
  if (parts.length === 0) return mode === 'baseline' ? 0 : null
  return parts.map(read).reduce<number | null>((sum, part) => {
    return sum === null || part === null ? null : sum + part
  }, 0)
}

/** Everything the machine did except making the load; needs the node's own counters. */
function machineCpuMsPerThousand({ nodeCpu, cpu, outcomes }: Window): number | null {
  const answered = outcomes.ok + outcomes.non2xx
  if (nodeCpu === null || answered === 0) return null
  return Math.max(0, nodeCpu.busyUs - (cpu.generator?.cpuUs ?? 0)) / answered
}

function ms(us: number | null): number | null {
  return us === null ? null : us / 1000
}

function mib(bytes: number | null): number | null {
  return bytes === null ? null : bytes / bytesPerMiB
}
