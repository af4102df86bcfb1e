import { nothingMeasured, recordRun } from '../../harness/experiment/record.ts'
import type { Mode, Role } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { healthyWindow, runOptions } from './windows.ts'

interface Costs {
  readonly idleCores: number
  readonly coresPerRps: number
  /** Of all processes of a role together. */
  readonly coresPerConnection?: number
  readonly usPerKib?: number
}

const proxies: readonly (readonly [Mode, Role, processes: number])[] = [
  ['sidecar', 'sidecar', 2],
  ['ambient', 'ztunnel', 2],
  ['waypoint', 'waypoint', 1],
]

/** A run of two windows whose proxies cost exactly that much. */
export function resultWith(
  rate: number,
  { idleCores, coresPerRps, coresPerConnection = 0, usPerKib = 0 }: Costs,
  load: { readonly connections?: number; readonly responseBytes?: number } = {},
): Result {
  const options = runOptions({
    ratePerSecond: rate,
    modes: ['sidecar', 'ambient', 'waypoint'],
    rounds: 2,
    ...load,
  })
  const kibPerSecond = (rate * (options.responseBytes ?? 0)) / 1024
  const measured = nothingMeasured(options)
  for (const [mode, role, processes] of proxies) {
    const cores =
      processes * (idleCores + rate * coresPerRps) +
      options.connections * coresPerConnection +
      (kibPerSecond * usPerKib) / 1e6
    for (const round of [1, 2]) {
      const window = healthyWindow({ round, achievedRate: rate, offeredRate: rate })
      measured.modes.get(mode)?.windows.push({
        ...window,
        cpu: {
          ...window.cpu,
          [role]: { processes, cpuUs: cores * 3e6, cores, usPerRequest: (cores / rate) * 1e6 },
        },
        memory: {
          [role]: {
            processes,
            pssBytes: processes * 15e6,
            privateBytes: processes * 10e6,
            rssBytes: processes * 50e6,
          },
        },
      })
    }
  }
  const environment = {
    node: 'v20.20.2',
    platform: 'linux-x64',
    os: 'Linux',
    kernel: '6.1',
    cpuModel: 'x',
    cores: 2,
    memoryBytes: 8e9,
    governor: null,
    virtualised: null,
    loadAverageAtStart: [0, 0, 0],
    cpuSource: 'schedstat',
    memorySource: 'smaps_rollup',
  }
  const facts = {
    runId: `rate-${rate}`,
    startedAtMs: 0,
    tool: { name: 'meshbench', version: '0' },
    options,
    environment,
  } as const
  return recordRun(facts, measured, { status: 'complete' })
}
