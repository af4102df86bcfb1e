import type { ContainerUsage, UsageReader } from '../api/metrics.ts'

export interface ProcessCounters {
  /** Since the process began. */
  readonly cpuUs: number
  readonly memoryBytes: number
}

/** Only processes that there are. */
export type ProcessReader = (pids: readonly number[]) => ReadonlyMap<number, ProcessCounters>

interface Runner {
  readonly namespace: string
  readonly name: string
  readonly node: string
  processes(): readonly {
    readonly container: { readonly name: string }
    readonly process: { readonly pid: number | undefined; readonly startedAt: Date }
  }[]
}

interface Reading {
  readonly atMs: number
  readonly cpuUs: number
}

/** Closer together CPU ticks are too coarse, further apart "now" would be a lie. */
const windowLeastMs = 1_000
const windowMostMs = 60_000

/**
 * What containers use between one question and the next; over their whole life when nobody has asked
 * lately. Nothing is read while nobody asks.
 */
export function usageReader(runners: () => readonly Runner[], read: ProcessReader): UsageReader {
  let last = new Map<number, Reading>()
  return () => {
    const running = runners().flatMap((runner) =>
      runner.processes().flatMap(({ container, process }) => {
        const { pid, startedAt } = process
        return pid === undefined ? [] : [{ runner, container: container.name, pid, startedAt }]
      }),
    )
    const counters = read(running.map(({ pid }) => pid))
    const atMs = Date.now()
    const readings = new Map<number, Reading>()
    const usages = running.flatMap(({ runner, container, pid, startedAt }): ContainerUsage[] => {
      const now = counters.get(pid)
      if (now === undefined) return []
      const before = last.get(pid)
      const isRecent = before !== undefined && atMs - before.atMs <= windowMostMs
      const isLongAgo = before !== undefined && atMs - before.atMs >= windowLeastMs
      // Asked again at once, the answer counts from where the last one did.
      readings.set(pid, isRecent && !isLongAgo ? before : { atMs, cpuUs: now.cpuUs })
      const from = isRecent && isLongAgo ? before : { atMs: startedAt.getTime(), cpuUs: 0 }
      const windowMs = Math.max(atMs - from.atMs, 1)
      const { namespace, name: pod, node } = runner
      const cpuCores = Math.max(now.cpuUs - from.cpuUs, 0) / 1000 / windowMs
      const { memoryBytes } = now
      return [{ namespace, pod, node, container, cpuCores, memoryBytes, windowMs }]
    })
    last = readings
    return usages
  }
}
