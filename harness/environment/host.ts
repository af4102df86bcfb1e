import { availableParallelism, loadavg, release } from 'node:os'
import si from 'systeminformation'
import type { Result } from '../result/schema.ts'
import { readCgroupLimits } from '../sample/cgroup.ts'
import { readText } from '../sample/proc.ts'

const clockSourceFile = '/sys/devices/system/clocksource/clocksource0/current_clocksource'

export type HostFacts = Omit<Result['environment'], 'cluster'>

/** Facts about the machine for the report; taken once, before anything is measured. */
export async function describeHost(): Promise<HostFacts> {
  const [cpu, os, memory, system] = await Promise.all([
    si.cpu(),
    si.osInfo(),
    si.mem(),
    si.system(),
  ])
  const linux = process.platform === 'linux'
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    os: [os.distro, os.release].filter((part) => part !== '').join(' ') || process.platform,
    kernel: release(),
    cpuModel: `${cpu.manufacturer} ${cpu.brand}`.trim() || 'unknown',
    cores: availableParallelism(),
    memoryBytes: memory.total,
    governor: cpu.governor === '' || cpu.governor === undefined ? null : cpu.governor,
    virtualised: system.virtual ?? null,
    loadAverageAtStart: loadavg(),
    clockSource: readText(clockSourceFile)?.trim() ?? null,
    cgroup: readCgroupLimits() ?? null,
    cpuSource: linux ? cpuSourceOnLinux() : 'ps',
    memorySource: linux ? '/proc/PID/smaps_rollup' : 'ps (RSS only)',
  }
}

function cpuSourceOnLinux(): string {
  return readText('/proc/self/schedstat') === undefined
    ? '/proc/PID/stat (10 ms ticks)'
    : '/proc/PID/task/*/schedstat (ns)'
}
