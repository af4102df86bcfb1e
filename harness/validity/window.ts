import type { Mode } from '../modes.ts'
import type { Finding, RunOptions, Window } from '../result/schema.ts'
import type { LostProcess } from '../sample/counters.ts'
import * as limits from './thresholds.ts'

export interface WindowFacts {
  readonly mode: Mode
  readonly window: Omit<Window, 'findings'>
  readonly options: Pick<RunOptions, 'model' | 'ratePerSecond' | 'connections' | 'keepAlive'>
  readonly lost: readonly LostProcess[]
  /** Why the path through the mesh is not proved, when it is not. */
  readonly unproved?: string
}

type Check = (facts: WindowFacts) => Omit<Finding, 'mode' | 'round'> | undefined

/** Every reason not to trust one window, or to read it with care. Pure. */
export function judgeWindow(facts: WindowFacts): Finding[] {
  return checks.flatMap((check) => {
    const found = check(facts)
    return found === undefined ? [] : [{ ...found, mode: facts.mode, round: facts.window.round }]
  })
}

const generatorSaturated: Check = ({ window, options }) => {
  const { cores } = window.generator
  // A closed loop is meant to run flat out; there the generator may be what saturates.
  if (cores <= limits.generatorCoresError) return undefined
  return {
    code: 'generator-saturated',
    severity: options.model === 'open' ? 'error' : 'warning',
    message: `the load generator used ${cores.toFixed(2)} of the one core it can use`,
    hint:
      options.model === 'open'
        ? 'lower --rate or --payload'
        : 'the highest rate found may be the limit of the generator, not of the mesh',
    value: cores,
    limit: limits.generatorCoresError,
  }
}

const generatorLate: Check = ({ window, options }) => {
  if (options.model === 'closed') return undefined
  const { lagUsP50, lagUsP99 } = window.generator
  if (lagUsP50 > limits.lagP50UsError) {
    return {
      code: 'generator-late',
      severity: 'error',
      message: `half of the requests left more than ${ms(lagUsP50)} late`,
      hint: 'close other programs or lower --rate: latency counts from the intended start',
      value: lagUsP50,
      limit: limits.lagP50UsError,
    }
  }
  if (lagUsP99 <= limits.lagP99UsWarning) return undefined
  return {
    code: 'generator-late',
    severity: 'warning',
    message: `1 % of the requests left more than ${ms(lagUsP99)} late`,
    hint: 'high percentiles contain this delay; a quieter machine gives cleaner ones',
    value: lagUsP99,
    limit: limits.lagP99UsWarning,
  }
}

const rateMissed: Check = ({ window, options }) => {
  if (options.model === 'closed') return undefined
  const { offeredRate, achievedRate } = window
  const apart = Math.abs(offeredRate - achievedRate)
  const share = offeredRate > 0 ? apart / offeredRate : 1
  const requests = (apart * window.durationMs) / 1000
  if (share <= limits.rateDeviationError || requests < limits.rateDeviationRequests)
    return undefined
  return {
    code: 'rate-missed',
    severity: 'error',
    message: `${rate(achievedRate)} answered of ${rate(offeredRate)} offered`,
    hint: 'the mode is saturated at this rate: lower --rate, or measure the limit with --saturate',
    value: share,
    limit: limits.rateDeviationError,
  }
}

const fallenBehind: Check = ({ window, options }) => {
  const { outstandingAtEnd = 0, arrivals } = window
  const share = outstandingAtEnd / Math.max(1, arrivals)
  const backlogMs = share * window.durationMs
  if (options.model === 'closed' || share <= limits.backlogShareError) return undefined
  if (backlogMs < limits.backlogMsError) return undefined
  return {
    code: 'saturated',
    severity: 'error',
    message: `${outstandingAtEnd} of ${arrivals} requests still waited when the window ended`,
    hint: 'the mode does not keep up at this rate on this machine: lower --rate, or free some cores',
    value: share,
    limit: limits.backlogShareError,
  }
}

const requestsFailed: Check = ({ window }) => {
  const { ok, ...failures } = window.outcomes
  const failed = Object.values(failures).reduce((a, b) => a + b, 0)
  if (failed === 0) return undefined
  const share = failed / (ok + failed)
  const kinds = Object.entries(failures)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
  return {
    code: 'requests-failed',
    severity: share > limits.failureShareError ? 'error' : 'warning',
    message: `${failed} of ${ok + failed} requests failed: ${kinds.join(', ')}`,
    hint: 'see the logs/ folder of the run for what the proxies said',
    value: share,
    limit: limits.failureShareError,
  }
}

const connectionChurn: Check = ({ window, options }) => {
  const { connectionsClosedEarly: closed } = window.generator
  if (!options.keepAlive || closed === 0) return undefined
  if (closed / Math.max(1, window.arrivals) <= limits.churnShareWarning) return undefined
  return {
    code: 'connection-churn',
    severity: 'warning',
    message: `${closed} kept-alive connections were closed by the other side`,
    hint: 'CPU per request contains handshakes that a steady client would not pay for',
    value: closed,
  }
}

const tooFewSamples: Check = ({ window }) => {
  const { n } = window.latencyUs
  if (n >= limits.samplesForP99) return undefined
  const severe = n < limits.samplesForP50
  return {
    code: 'few-samples',
    severity: severe ? 'error' : 'warning',
    message: `${n} answers are too few for ${severe ? 'a median' : missingPercentiles(n)}`,
    hint: 'raise --duration or --rate',
    value: n,
    limit: severe ? limits.samplesForP50 : limits.samplesForP99,
  }
}

/** `p95 and p99`, by the rule that ten samples lie beyond each. */
function missingPercentiles(n: number): string {
  const all = [0.9, 0.95, 0.99].filter((p) => n * (1 - p) < 10 - 1e-6)
  return all.map((p) => `p${p * 100}`).join(' and ')
}

const notSteady: Check = ({ window: { steady } }) => {
  if (steady === undefined || steady.reached || steady.moving.length === 0) return undefined
  const what = steady.moving.map(({ series, slope, step }) => {
    const change = Math.abs(slope) > Math.abs(step) ? slope : step
    return `${series} by ${percent(change)}`
  })
  return {
    code: 'not-steady',
    severity: 'warning',
    message: `after ${(steady.cutMs / 1000).toFixed(1)} s of warm-up still moving: ${what.join(', ')}`,
    hint: 'raise --warmup-max, or look for another program that starts and stops',
    value: steady.cutMs,
  }
}

const foreignCpu: Check = ({ window: { nodeCpu } }) => {
  if (nodeCpu === null) return undefined
  const machineUs = nodeCpu.wallMs * 1000 * nodeCpu.cores
  const share = nodeCpu.remainderUs / machineUs
  if (share <= limits.foreignCpuShareWarning) return undefined
  return {
    code: 'host-busy',
    severity: 'warning',
    message: `other programs used ${percent(share)} of the machine`,
    hint: 'close them, or add --rounds so that their influence averages out',
    value: share,
    limit: limits.foreignCpuShareWarning,
  }
}

const hostSaturated: Check = ({ window: { nodeCpu } }) => {
  if (nodeCpu === null) return undefined
  const share = nodeCpu.busyUs / (nodeCpu.wallMs * 1000 * nodeCpu.cores)
  if (share <= limits.hostBusyShareWarning) return undefined
  return {
    code: 'host-saturated',
    severity: 'warning',
    message: `all CPUs were ${percent(share)} busy, so latencies contain waiting for a CPU`,
    hint: 'lower --rate, or use a machine with more cores',
    value: share,
    limit: limits.hostBusyShareWarning,
  }
}

const stolenTime: Check = ({ window: { nodeCpu } }) => {
  if (nodeCpu === null) return undefined
  const share = nodeCpu.stealUs / (nodeCpu.wallMs * 1000 * nodeCpu.cores)
  if (share <= limits.stealShareWarning) return undefined
  return {
    code: 'cpu-stolen',
    severity: 'warning',
    message: `the hypervisor took ${percent(share)} of the CPU time away`,
    hint: 'a dedicated machine gives steadier figures',
    value: share,
    limit: limits.stealShareWarning,
  }
}

const throttled: Check = ({ window: { host, durationMs } }) => {
  const share = (host?.throttledUs ?? 0) / (durationMs * 1000)
  if (share === 0) return undefined
  return {
    code: 'cpu-throttled',
    severity: share > limits.throttledShareError ? 'error' : 'warning',
    message: `the CPU quota of the container held processes back for ${((host?.throttledUs ?? 0) / 1000).toFixed(0)} ms`,
    hint: 'give the container more CPU, or none to count against; or lower --rate',
    value: share,
    limit: limits.throttledShareError,
  }
}

const accountOverdrawn: Check = ({ window: { nodeCpu } }) => {
  if (nodeCpu === null || nodeCpu.busyUs === 0) return undefined
  const share = -nodeCpu.remainderUs / nodeCpu.busyUs
  if (share <= limits.overdrawnShareWarning) return undefined
  return {
    code: 'cpu-account-open',
    severity: 'warning',
    message: `roles and interrupts add up to ${percent(share)} more CPU than the machine spent`,
    hint: 'interrupts may be counted twice on this kernel; compare modes, not absolute CPU',
    value: share,
    limit: limits.overdrawnShareWarning,
  }
}

const cpuCoarse: Check = ({ window: { cpu } }) => {
  // Neither is compared between modes.
  const { generator, controlPlane, ...compared } = cpu
  const coarse = Object.entries(compared).filter(
    ([, { cpuUs, granularityUs = 0 }]) => granularityUs > 0 && cpuUs <= granularityUs,
  )
  const [first] = coarse
  if (first === undefined) return undefined
  const { cpuUs, granularityUs = 0 } = first[1]
  return {
    code: 'cpu-coarse',
    severity: 'warning',
    message: `${coarse.map(([role]) => role).join(', ')} used ${ms(cpuUs)} of CPU, no more than the ${ms(granularityUs)} by which its counters may be off`,
    hint: 'raise --duration or --rate',
    value: cpuUs,
    limit: granularityUs,
  }
}

const frequencyChanged: Check = ({ window: { host } }) => {
  if (host === undefined || host.cpuMhzBefore === null || host.cpuMhzAfter === null) return
  const share = Math.abs(host.cpuMhzAfter / host.cpuMhzBefore - 1)
  if (share <= limits.frequencyShareWarning) return undefined
  const [from, to] = [host.cpuMhzBefore, host.cpuMhzAfter].map((mhz) => mhz.toFixed(0))
  return {
    code: 'cpu-frequency-changed',
    severity: 'warning',
    message: `the CPUs went from ${from} to ${to} MHz, and CPU time per request with them`,
    hint: 'set the performance governor, or keep the machine cool and on mains',
    value: share,
    limit: limits.frequencyShareWarning,
  }
}

const clockJumped: Check = ({ window: { host, durationMs } }) => {
  const jumpMs = Math.abs(host?.clockJumpMs ?? 0)
  const limit = limits.clockJumpMsWarning + limits.clockSlewShare * durationMs
  if (jumpMs <= limit) return undefined
  return {
    code: 'clock-jumped',
    severity: 'warning',
    message: `the wall clock was moved by ${jumpMs.toFixed(0)} ms during the window`,
    hint: 'durations come from the monotonic clock and hold; time stamps and certificates may not',
    value: host?.clockJumpMs ?? 0,
    limit,
  }
}

const unattributed: Check = ({ window: { nodeCpu } }) => {
  if (nodeCpu === null || nodeCpu.attributedUs === 0) return undefined
  const ofMachine = nodeCpu.remainderUs / (nodeCpu.wallMs * 1000 * nodeCpu.cores)
  const share = nodeCpu.remainderUs / nodeCpu.attributedUs
  // More than that and it is another program: host-busy says so.
  if (ofMachine > limits.foreignCpuShareWarning) return undefined
  if (share <= limits.unattributedShareWarning) return undefined
  return {
    code: 'cpu-unattributed',
    severity: 'warning',
    message: `CPU worth ${percent(share)} of what the run used belongs to none of its processes`,
    hint: 'other programs, or kernel work for the run: raise --rate so that it weighs less',
    value: share,
    limit: limits.unattributedShareWarning,
  }
}

const processLost: Check = ({ lost }) => {
  const [first] = lost
  if (first === undefined) return undefined
  const { role, owner } = first.process
  const kind = role === 'app' || role === 'generator' ? role : 'proxy'
  return {
    code: `${kind}-restarted`,
    severity: 'error',
    message: `${lost.map(({ process }) => process.owner).join(', ')} ended during the window`,
    hint: `see the log of ${owner} in the logs/ folder of the run`,
    value: lost.length,
  }
}

const pathUnproved: Check = ({ unproved }) =>
  unproved === undefined
    ? undefined
    : {
        code: 'mode-not-verified',
        severity: 'error',
        message: unproved,
        hint: 'the requests did not take the path of this mode, so its figures describe something else',
      }

const checks: readonly Check[] = [
  pathUnproved,
  processLost,
  generatorSaturated,
  generatorLate,
  rateMissed,
  fallenBehind,
  requestsFailed,
  connectionChurn,
  tooFewSamples,
  notSteady,
  foreignCpu,
  hostSaturated,
  stolenTime,
  throttled,
  accountOverdrawn,
  unattributed,
  cpuCoarse,
  frequencyChanged,
  clockJumped,
]

const ms = (us: number): string => `${(us / 1000).toFixed(1)} ms`
const rate = (perSecond: number): string => `${perSecond.toFixed(1)} requests/s`
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`
