import { readFileSync } from 'node:fs'
import type { ProcessCounters } from './usage.ts'

/** USER_HZ, in which Linux shows CPU times whatever the kernel counts in. */
const usPerTick = 10_000

/** From /proc (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html); elsewhere nothing. */
export function readProcesses(pids: readonly number[]): ReadonlyMap<number, ProcessCounters> {
  return new Map(
    pids.flatMap((pid) => {
      const counters = readProcess(pid)
      return counters === undefined ? [] : [[pid, counters] as const]
    }),
  )
}

function readProcess(pid: number): ProcessCounters | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces; what follows it begins with field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const residentKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    return { cpuUs: ticks * usPerTick, memoryBytes: residentKiB * 1024 }
  } catch {
    return undefined
  }
}
