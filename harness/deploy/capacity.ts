import { availableParallelism, totalmem } from 'node:os'
import { HarnessError } from '../errors.ts'
import type { Mode } from '../modes.ts'
import type { RunOptions } from '../result/schema.ts'
import { podCount, type Workload } from './workload.ts'

export interface Machine {
  readonly cores: number
  readonly memoryBytes: number
}

/** A Node process of ours under load, shared pages not counted twice. */
const processBytes = 35 * 2 ** 20
const memoryShare = 0.6

/** A hundred processes are ready in 45 s on two cores; twice that is as long as anybody waits. */
const processesPerCore = 100

export const thisMachine = (): Machine => ({
  cores: availableParallelism(),
  memoryBytes: totalmem(),
})

export function mostProcesses({ cores, memoryBytes }: Machine): number {
  return Math.floor(Math.min(cores * processesPerCore, (memoryBytes * memoryShare) / processBytes))
}

/** Processes of one mode with this many pods of the workload, copies included, and the generator's. */
export function processesOf(mode: Mode, pods: number): number {
  if (mode === 'sidecar') return 2 * (pods + 1)
  const proxies = { baseline: 0, ambient: 2, waypoint: 3 }[mode]
  return pods + 1 + proxies
}

/** Throws before anything starts when the machine cannot carry it, saying what it could. */
export function assertFits(
  workload: Workload,
  modes: readonly Mode[],
  { replicas, workloadsPerNode = 1 }: Pick<RunOptions, 'replicas' | 'workloadsPerNode'>,
  machine: Machine,
): void {
  const most = mostProcesses(machine)
  const pods = podCount(workload, replicas ?? undefined) * workloadsPerNode
  const needed = (some: readonly Mode[], count: number): number =>
    some.reduce((sum, mode) => sum + processesOf(mode, count), 0)
  if (needed(modes, pods) <= most) return

  const single = podCount(workload, 1) * workloadsPerNode
  const lightest = [...modes].sort((a, b) => processesOf(a, single) - processesOf(b, single))[0]
  const ways = [
    { way: '--replicas 1', processes: needed(modes, single) },
    ...(lightest === undefined
      ? []
      : [
          { way: `only ${lightest}`, processes: needed([lightest], pods) },
          { way: `only ${lightest} with --replicas 1`, processes: needed([lightest], single) },
        ]),
  ]
  const fitting = ways.find(({ processes }) => processes <= most)
  const room = Math.max(Math.floor(most / modes.length / 2) - 1, 1)
  throw new HarnessError(
    'workload-too-large',
    `${workload.name} needs ${needed(modes, pods)} processes (${pods} pods in ${modes.length === 1 ? modes[0] : `${modes.length} modes`}), this machine carries about ${most}`,
    {
      hint:
        fitting === undefined
          ? `a graph of about ${room} pods would fit`
          : `${fitting.way} would fit with ${fitting.processes}; so would about ${room} pods as asked`,
      exitCode: 2,
    },
  )
}
