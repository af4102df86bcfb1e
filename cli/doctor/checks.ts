export type Level = 'ok' | 'warning' | 'missing' | 'skipped'

export interface Check {
  readonly name: string
  readonly level: Level
  readonly found: string
  /** Why it matters and what to do; empty where all is well. */
  readonly advice: string
}

/** What is known of the machine; measured in probe.ts, judged here. */
export interface MachineFacts {
  readonly nodeVersion: string
  readonly cores: number
  readonly loadAverage: number
  /** How much longer the slowest twentieth of equal pieces of work took than the fastest. */
  readonly noiseRatio: number
  readonly openFiles: number | null
  readonly processes: number | null
  readonly memoryFreeBytes: number
  /** The 127.X block a run would get, or why it gets none. */
  readonly loopback: { readonly ok: boolean; readonly said: string }
  readonly procCpu: boolean
  readonly procPss: boolean
  readonly out: { readonly ok: boolean; readonly said: string }
  readonly chromium: string | null
  readonly kubeconfig: { readonly ok: boolean; readonly said: string; readonly wanted: boolean }
}

const leastNode = [20, 19] as const
/** A run with four modes has some 20 processes with 11 threads each, and as many sockets again. */
const leastOpenFiles = 1024
const leastProcesses = 1024
const leastMemoryBytes = 2 * 1024 ** 3
const busyLoadPerCore = 0.3
const noisyRatio = 1.5

export function judgeMachine(facts: MachineFacts): Check[] {
  const { nodeVersion, cores, loadAverage, noiseRatio } = facts
  const load = loadAverage / cores
  return [
    check(
      'node',
      isNodeFit(nodeVersion) ? 'ok' : 'missing',
      nodeVersion,
      `Node ${leastNode.join('.')} or newer is needed: https://nodejs.org`,
    ),
    check(
      'cores',
      cores >= 2 ? 'ok' : 'warning',
      String(cores),
      'on one core the load generator takes time from what it measures; two are the least, four are good',
    ),
    check(
      'load',
      load <= busyLoadPerCore ? 'ok' : 'warning',
      `${loadAverage.toFixed(2)} on ${cores} cores`,
      'other programs are at work: figures of CPU hold, high percentiles of latency do not; close them or add --rounds',
    ),
    check(
      'noise',
      noiseRatio <= noisyRatio ? 'ok' : 'warning',
      `the same work takes up to ${noiseRatio.toFixed(1)} times as long`,
      'a neighbour, a hypervisor or a changing CPU speed; small differences need more --rounds here',
    ),
    check(
      'memory',
      facts.memoryFreeBytes >= leastMemoryBytes ? 'ok' : 'warning',
      `${(facts.memoryFreeBytes / 1024 ** 3).toFixed(1)} GiB free`,
      'about 1 GiB is used by a run of four modes; a machine that swaps measures its disk',
    ),
    limit('open files', facts.openFiles, leastOpenFiles, 'ulimit -n'),
    limit('processes', facts.processes, leastProcesses, 'ulimit -u'),
    check(
      'loopback',
      facts.loopback.ok ? 'ok' : 'missing',
      facts.loopback.said,
      'pods listen on addresses of 127.0.0.0/8: a firewall or a sandbox stands in the way',
    ),
    check(
      'CPU counters',
      facts.procCpu ? 'ok' : 'warning',
      facts.procCpu ? '/proc/PID/schedstat' : 'no /proc/PID/schedstat',
      'CPU is then taken from coarser counters of 10 ms: use longer windows',
    ),
    check(
      'memory counters',
      facts.procPss ? 'ok' : 'warning',
      facts.procPss ? '/proc/PID/smaps_rollup' : 'no /proc/PID/smaps_rollup',
      'only RSS is known then, which counts shared pages once per process: do not add it up',
    ),
    check(
      'results folder',
      facts.out.ok ? 'ok' : 'missing',
      facts.out.said,
      'name a folder you may write to with --out DIR',
    ),
    check(
      'chromium',
      facts.chromium === null ? 'skipped' : 'ok',
      facts.chromium ?? 'not found',
      'optional: only the tests of the HTML report use it; set CHROMIUM to its path',
    ),
    kubeconfig(facts.kubeconfig),
  ]
}

function kubeconfig({ ok, said, wanted }: MachineFacts['kubeconfig']): Check {
  const level = ok ? 'ok' : wanted ? 'missing' : 'skipped'
  return check(
    'kubeconfig',
    level,
    said,
    wanted
      ? 'name a kubeconfig with a current context'
      : 'optional: runs use a cluster of their own',
  )
}

function check(name: string, level: Level, found: string, advice: string): Check {
  return { name, level, found, advice: level === 'ok' ? '' : advice }
}

function limit(name: string, value: number | null, least: number, command: string): Check {
  if (value === null) return check(name, 'ok', 'no limit known', '')
  const found = value === Number.POSITIVE_INFINITY ? 'unlimited' : String(value)
  return check(
    name,
    value >= least ? 'ok' : 'warning',
    found,
    `raise it: ${command} ${least}; a run of four modes may not start below`,
  )
}

function isNodeFit(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])
}
