import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts CPU time in ticks of 1/USER_HZ s in /proc, and USER_HZ is 100 on every architecture we run on. */
const tickUs = 10_000

/**
 * Cumulative CPU time of one process. Threads are read one by one because `/proc/PID/schedstat` covers
 * the main thread only; the ticks of `/proc/PID/stat` are coarse but include threads that have ended.
 */
export interface ProcessCpu {
  readonly pid: number
  /** Ticks after boot; tells a process from a later one with the same pid. */
  readonly startTime: number
  /** utime + stime. */
  readonly tickUs: number
  /** Nanoseconds on a CPU by thread id; empty where the kernel has no schedstat. */
  readonly threadsNs: ReadonlyMap<string, number>
}

/**
 * Undefined when there is no such process, or only its zombie. `main` reads the first thread alone, a
 * tenth of the work: enough for a process that idles, and where not, the ticks tell.
 */
export function readProcessCpu(
  pid: number,
  threads: 'all' | 'main' = 'all',
): ProcessCpu | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The command name stands in parentheses and may contain anything, `)` included.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return {
    pid,
    startTime: Number(fields[19]),
    tickUs: (Number(fields[11]) + Number(fields[12])) * tickUs,
    threadsNs: readThreads(pid, threads),
  }
}

function readThreads(pid: number, wanted: 'all' | 'main'): Map<string, number> {
  const threads = new Map<string, number>()
  for (const id of wanted === 'all' ? threadIds(pid) : [String(pid)]) {
    const text = readText(`/proc/${pid}/task/${id}/schedstat`)
    if (text !== undefined) threads.set(id, Number(text.slice(0, text.indexOf(' '))))
  }
  return threads
}

function threadIds(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** User and system time are cut to whole ticks at both edges; one more for the time between the reads. */
const tickSlackUs = 3 * tickUs

/**
 * How far the difference of two readings may be from the truth. A thread's nanoseconds are brought up to
 * date when it leaves the CPU and at every scheduler tick, 4 ms apart in most kernels: a process in the
 * middle of its work at an edge lacks up to that much. Ticks are cut, user and system apart.
 */
export function cpuGranularityUs(reading: ProcessCpu | undefined): number {
  return reading !== undefined && reading.threadsNs.size > 0 ? schedulerTickUs : 2 * tickUs
}

const schedulerTickUs = 4_000

/**
 * CPU time between two readings of the same process, in nanosecond resolution. A thread that ended in
 * between took its nanoseconds along; the ticks then run ahead by more than rounding, and count.
 */
export function cpuBetweenUs(before: ProcessCpu, after: ProcessCpu): number {
  const ticksUs = after.tickUs - before.tickUs
  if (after.threadsNs.size === 0) return ticksUs
  let ns = 0
  for (const [id, value] of after.threadsNs) ns += value - (before.threadsNs.get(id) ?? 0)
  const us = ns / 1000
  return ticksUs > us + tickSlackUs ? ticksUs : us
}

/** x86; where pages are larger the figure is too small, but moves as the real one does. */
const pageBytes = 4096

/** The kernel keeps it as a counter: no page table is walked, so it may be read under load. */
export function readResidentBytes(pid: number): number | undefined {
  const pages = readText(`/proc/${pid}/statm`)?.split(' ')[1]
  return pages === undefined ? undefined : Number(pages) * pageBytes
}

export interface ProcessMemory {
  readonly rssBytes: number
  /** Absent where smaps_rollup cannot be read. */
  readonly pssBytes?: number
  readonly privateBytes?: number
}

export function readProcessMemory(pid: number): ProcessMemory | undefined {
  const rollup = readText(`/proc/${pid}/smaps_rollup`)
  if (rollup?.includes('Rss:') === true) {
    return {
      rssBytes: kib(rollup, 'Rss'),
      pssBytes: kib(rollup, 'Pss'),
      privateBytes:
        kib(rollup, 'Private_Clean') +
        kib(rollup, 'Private_Dirty') +
        kib(rollup, 'Private_Hugetlb'),
    }
  }
  const status = readText(`/proc/${pid}/status`)
  return status?.includes('VmRSS:') === true ? { rssBytes: kib(status, 'VmRSS') } : undefined
}

function kib(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
