import type { Role } from '../modes.ts'
import type { Window } from '../result/schema.ts'
import type { TrackedProcess } from './census.ts'
import { type HostState, readHostState } from './host-state.ts'
import { type NodeCounters, nodeCpuBetween, readNodeCounters } from './node.ts'
import {
  cpuBetweenUs,
  cpuGranularityUs,
  type ProcessCpu,
  readProcessCpu,
  readProcessMemory,
  readResidentBytes,
} from './proc.ts'
import { readWithPs } from './ps.ts'

/** One reading of every counter, taken without yielding so that its parts belong to one moment. */
export interface CounterReading {
  readonly atMs: number
  readonly node: NodeCounters
  readonly host: HostState
  readonly processes: ReadonlyMap<number, ProcessCpu>
  /** What the reading itself cost this process. */
  readonly costUs: number
}

/** Machine first, processes after, at both edges: the small skew is the same and cancels out. */
export function readCounters(
  tracked: readonly TrackedProcess[],
  bystanders: readonly TrackedProcess[] = [],
): CounterReading {
  const own = process.cpuUsage()
  const node = readNodeCounters()
  const atMs = performance.now()
  const processes = readProcesses(tracked, bystanders)
  return { atMs, node, processes, host: readHostState(), costUs: spentUs(own) }
}

const hasProc = process.platform === 'linux'

function readProcesses(
  tracked: readonly TrackedProcess[],
  bystanders: readonly TrackedProcess[],
): Map<number, ProcessCpu> {
  if (!hasProc) {
    const pids = [...tracked, ...bystanders].map(({ pid }) => pid)
    return new Map([...readWithPs(pids)].map(([pid, { cpu }]) => [pid, cpu]))
  }
  const readings = [
    ...tracked.map(({ pid }) => readProcessCpu(pid, 'all')),
    ...bystanders.map(({ pid }) => readProcessCpu(pid, 'main')),
  ]
  return new Map(readings.flatMap((cpu) => (cpu === undefined ? [] : [[cpu.pid, cpu] as const])))
}

/** A process that did not live through the whole window, so its cost is incomplete. */
export interface LostProcess {
  readonly process: TrackedProcess
  readonly why: 'ended' | 'replaced'
}

export interface CpuAccount {
  readonly cpu: Window['cpu']
  readonly nodeCpu: Window['nodeCpu']
  readonly lost: readonly LostProcess[]
}

/**
 * Difference of two readings by role. `tracked` are the processes of the mode under load and our own;
 * `bystanders` belong to the modes that wait their turn: their idle cost is attributed (the account has
 * to close) but to no role, as it is no part of what the mode under load costs.
 */
export function accountCpu(
  before: CounterReading,
  after: CounterReading,
  tracked: readonly TrackedProcess[],
  bystanders: readonly TrackedProcess[],
  answered: number,
): CpuAccount {
  const wallUs = (after.atMs - before.atMs) * 1000
  const byRole = new Map<Role, { processes: number; cpuUs: number; coarseUs: number }>()
  const lost: LostProcess[] = []
  for (const process of tracked) {
    const spent = between(before, after, process.pid)
    if (typeof spent === 'string') lost.push({ process, why: spent })
    const sum = byRole.get(process.role) ?? { processes: 0, cpuUs: 0, coarseUs: 0 }
    byRole.set(process.role, {
      processes: sum.processes + 1,
      cpuUs: sum.cpuUs + (typeof spent === 'number' ? spent : 0),
      coarseUs: sum.coarseUs + cpuGranularityUs(after.processes.get(process.pid)),
    })
  }
  const idleUs = sum(bystanders.map(({ pid }) => between(before, after, pid)).filter(isNumber))
  const attributedUs = sum([...byRole.values()].map(({ cpuUs }) => cpuUs))
  const cpu = Object.fromEntries(
    [...byRole].map(([role, { processes, cpuUs, coarseUs }]) => [
      role,
      {
        processes,
        cpuUs,
        cores: cpuUs / wallUs,
        usPerRequest: answered > 0 ? cpuUs / answered : null,
        granularityUs: coarseUs,
      },
    ]),
  )
  const nodeCpu = nodeCpuBetween(before.node, after.node, attributedUs, idleUs)
  return { cpu, nodeCpu, lost }
}

function between(
  before: CounterReading,
  after: CounterReading,
  pid: number,
): number | LostProcess['why'] {
  const first = before.processes.get(pid)
  const last = after.processes.get(pid)
  if (first === undefined || last === undefined) return 'ended'
  if (first.startTime !== last.startTime) return 'replaced'
  return Math.max(0, cpuBetweenUs(first, last))
}

/** Cheap enough for every slice of a warm-up; null where the platform has no such counter. */
export function residentBytes(tracked: readonly TrackedProcess[]): number | null {
  const sizes = tracked.map(({ pid }) => readResidentBytes(pid)).filter(isNumber)
  return sizes.length === 0 ? null : sum(sizes)
}

/** Walks every page table, milliseconds per process: never call it inside a window. */
export function readMemory(tracked: readonly TrackedProcess[]): Window['memory'] {
  const memory: Window['memory'] = {}
  const listed = hasProc ? undefined : readWithPs(tracked.map(({ pid }) => pid))
  for (const { pid, role } of tracked) {
    const one = listed === undefined ? readProcessMemory(pid) : listed.get(pid)?.memory
    if (one === undefined) continue
    const total = memory[role]
    memory[role] = {
      processes: (total?.processes ?? 0) + 1,
      rssBytes: (total?.rssBytes ?? 0) + one.rssBytes,
      pssBytes: add(total === undefined ? 0 : total.pssBytes, one.pssBytes),
      privateBytes: add(total === undefined ? 0 : total.privateBytes, one.privateBytes),
    }
  }
  return memory
}

/** One process without the figure leaves the whole role without it: a partial sum misleads. */
function add(total: number | null, value: number | undefined): number | null {
  return total === null || value === undefined ? null : total + value
}

function spentUs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const isNumber = (value: unknown): value is number => typeof value === 'number'
