import { posix } from 'node:path'
import { readText } from './proc.ts'

type Read = (path: string) => string | undefined

/** What the container around us may use. null: as much as the machine has. */
export interface CgroupLimits {
  readonly version: 1 | 2
  readonly cpuCores: number | null
  readonly memoryBytes: number | null
}

interface Cgroup {
  readonly version: 1 | 2
  /** Own group first, then those around it: a limit may stand on any of them. */
  readonly cpu: readonly string[]
  readonly memory: readonly string[]
}

const root = '/sys/fs/cgroup'

/** Undefined where there are none (not Linux, or nothing mounted). */
export function readCgroupLimits(read: Read = readText): CgroupLimits | undefined {
  const group = findCgroup(read)
  if (group === undefined) return undefined
  return {
    version: group.version,
    cpuCores: least(group.cpu.map((folder) => quotaCores(folder, group.version, read))),
    memoryBytes: least(group.memory.map((folder) => memoryLimit(folder, group.version, read))),
  }
}

/**
 * Time for which threads that wanted to run were held back because the quota of a period was used up.
 * Children are in the group of their parent, so the pods of the embedded cluster are in it. null: no
 * such counter.
 */
export function readThrottledUs(read: Read = readText): number | null {
  const group = findCgroup(read)
  const counted = (group?.cpu ?? []).flatMap((folder) => {
    const text = read(`${folder}/cpu.stat`) ?? ''
    const [, us] = /^throttled_usec (\d+)$/m.exec(text) ?? []
    const [, ns] = /^throttled_time (\d+)$/m.exec(text) ?? []
    if (us !== undefined) return [Number(us)]
    return ns === undefined ? [] : [Number(ns) / 1000]
  })
  return counted.length === 0 ? null : counted.reduce((a, b) => a + b, 0)
}

/** Time in which at least one process of the machine waited for a CPU. */
export function readCpuPressureUs(read: Read = readText): number | null {
  const [, us] = /^some .*\btotal=(\d+)/m.exec(read('/proc/pressure/cpu') ?? '') ?? []
  return us === undefined ? null : Number(us)
}

function findCgroup(read: Read): Cgroup | undefined {
  const lines = (read('/proc/self/cgroup') ?? '').trim().split('\n')
  const pathOf = (controller: string): string | undefined =>
    lines
      .map((line) => line.split(':'))
      .find(([, names]) => names?.split(',').includes(controller))
      ?.slice(2)
      .join(':')
  const [cpu, memory] = [pathOf('cpu'), pathOf('memory')]
  // Version 1 beside an empty version 2 is the hybrid layout: the controllers are in version 1.
  if (cpu !== undefined || memory !== undefined) {
    return {
      version: 1,
      cpu: cpu === undefined ? [] : upwards(`${root}/cpu`, cpu),
      memory: memory === undefined ? [] : upwards(`${root}/memory`, memory),
    }
  }
  const unified = pathOf('')
  if (unified === undefined) return undefined
  return { version: 2, cpu: upwards(root, unified), memory: upwards(root, unified) }
}

function upwards(mount: string, path: string): string[] {
  const folders: string[] = []
  for (let at = path; at !== '/' && at !== '.'; at = posix.dirname(at)) folders.push(mount + at)
  return [...folders, mount]
}

function quotaCores(folder: string, version: 1 | 2, read: Read): number | null {
  const [quota, period] =
    version === 2
      ? (read(`${folder}/cpu.max`) ?? '').trim().split(' ')
      : [read(`${folder}/cpu.cfs_quota_us`), read(`${folder}/cpu.cfs_period_us`)]
  const cores = Number(quota) / Number(period)
  return Number.isFinite(cores) && cores > 0 ? cores : null
}

/** Version 1 writes "no limit" as a number close to 2^63. */
const unlimitedBytes = 2 ** 60

function memoryLimit(folder: string, version: 1 | 2, read: Read): number | null {
  const bytes = Number.parseInt(
    read(`${folder}/${version === 2 ? 'memory.max' : 'memory.limit_in_bytes'}`) ?? '',
    10,
  )
  return Number.isFinite(bytes) && bytes < unlimitedBytes ? bytes : null
}

function least(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : Math.min(...known)
}
