import { readCpuPressureUs, readThrottledUs } from './cgroup.ts'
import { readText } from './proc.ts'

/** What should stay as it is during a window: the pace of CPUs and wall clock, and who may run. */
export interface HostState {
  readonly monotonicMs: number
  readonly wallClockMs: number
  /** Mean over all CPUs; null where the platform does not say. */
  readonly cpuMhz: number | null
  /** Cumulative; null where nobody counts. */
  readonly throttledUs: number | null
  readonly cpuPressureUs: number | null
}

export interface HostSources {
  readonly text: (path: string) => string | undefined
  readonly monotonicMs: () => number
  readonly wallClockMs: () => number
}

const real: HostSources = {
  text: readText,
  monotonicMs: () => performance.now(),
  wallClockMs: () => Date.now(),
}

export function readHostState(sources: HostSources = real): HostState {
  return {
    monotonicMs: sources.monotonicMs(),
    wallClockMs: sources.wallClockMs(),
    cpuMhz: readMhz(sources.text),
    throttledUs: readThrottledUs(sources.text),
    cpuPressureUs: readCpuPressureUs(sources.text),
  }
}

export interface HostChange {
  /** How much further the wall clock went than the monotonic one: somebody set it, or NTP stepped it. */
  readonly clockJumpMs: number
  readonly cpuMhzBefore: number | null
  readonly cpuMhzAfter: number | null
  readonly throttledUs: number | null
  readonly cpuPressureUs: number | null
}

export function hostChange(before: HostState, after: HostState): HostChange {
  const wallMs = after.wallClockMs - before.wallClockMs
  return {
    clockJumpMs: wallMs - (after.monotonicMs - before.monotonicMs),
    cpuMhzBefore: before.cpuMhz,
    cpuMhzAfter: after.cpuMhz,
    throttledUs: grown(before.throttledUs, after.throttledUs),
    cpuPressureUs: grown(before.cpuPressureUs, after.cpuPressureUs),
  }
}

function grown(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : Math.max(0, after - before)
}

const policy = '/sys/devices/system/cpu/cpufreq'
const mostPolicies = 256

/** cpufreq says what a policy runs at in kHz; /proc/cpuinfo is all that many virtual machines have. */
function readMhz(text: HostSources['text']): number | null {
  const frequencies: number[] = []
  for (let index = 0; index < mostPolicies; index++) {
    const khz = text(`${policy}/policy${index}/scaling_cur_freq`)
    if (khz === undefined) break
    frequencies.push(Number(khz) / 1000)
  }
  if (frequencies.length === 0) {
    for (const [, mhz] of text('/proc/cpuinfo')?.matchAll(/^cpu MHz\s*:\s*([\d.]+)/gm) ?? []) {
      frequencies.push(Number(mhz))
    }
  }
  const known = frequencies.filter((mhz) => Number.isFinite(mhz) && mhz > 0)
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length
}
