import { readdirSync, readlinkSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { descendantsOf } from '../support/process-tree.ts'

/** What a process and its children hold, in a moment when nothing should be left over. */
export interface Footprint {
  /** After a full garbage collection. */
  readonly heapBytes: number
  /** Buffers and everything else that the collector knows of outside the heap. */
  readonly externalBytes: number
  readonly rssBytes: number
  readonly sockets: number
  /** Descriptors of files and pipes. */
  readonly files: number
  readonly timers: number
  readonly processes: number
  /** Descriptors of all children together: mostly connections that their pools keep for a while. */
  readonly childDescriptors: number
  /** Of those that live from the first change to the last. */
  readonly veteranDescriptors: number
  readonly podLogs: number
}

export type Measure = keyof Footprint

const collections = 3

/** Needs `--expose-gc`, and Linux for /proc. */
export async function footprint(
  logDirectory: string,
  veterans: readonly number[],
): Promise<Footprint> {
  for (let round = 0; round < collections; round += 1) {
    globalThis.gc?.()
    await turn()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  const descriptors = descriptorsOf('self')
  const children = descendantsOf(process.pid)
  const sockets = descriptors.filter((target) => target.startsWith('socket:')).length
  const internal = descriptors.filter((target) => target.startsWith('anon_inode:')).length
  return {
    heapBytes: heapUsed,
    externalBytes: external,
    rssBytes: rss,
    sockets,
    files: descriptors.length - sockets - internal,
    timers: process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length,
    processes: children.length,
    childDescriptors: children.reduce((sum, pid) => sum + descriptorsOf(pid).length, 0),
    veteranDescriptors: veterans.reduce((sum, pid) => sum + descriptorsOf(pid).length, 0),
    podLogs: podLogs(logDirectory),
  }
}

/** What the process' own descriptors lead to, without those of node itself. */
export function openDescriptors(): readonly string[] {
  return descriptorsOf('self').filter((target) => !target.startsWith('anon_inode:'))
}

function descriptorsOf(pid: number | 'self'): string[] {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)]
      } catch {
        // Closed since, the folder's own among them.
        return []
      }
    })
  } catch {
    return []
  }
}

/** One folder per pod. */
export function podLogs(directory: string): number {
  try {
    return readdirSync(directory).length
  } catch {
    return 0
  }
}
