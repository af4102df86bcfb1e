import type { Mode, Role } from '../../harness/modes.ts'
import type { Result, Window } from '../../harness/result/schema.ts'
import type { RoleCost, SweepAxis } from '../../harness/result/sweep.ts'
import { validWindows } from '../analyse.ts'
import { median } from '../statistics/median.ts'
import { fitNonNegative, type Observation, relativeError } from './least-squares.ts'

/** A waypoint is measured where there is one, a ztunnel where nothing but ztunnels is on the path. */
const measuredIn: readonly (readonly [Role, Mode])[] = [
  ['sidecar', 'sidecar'],
  ['ztunnel', 'ambient'],
  ['waypoint', 'waypoint'],
]

type Term = 'idle' | 'connection' | 'request' | 'kib'

/**
 * The cost of each proxy role as a sum: idle per process, per open connection, per request, per KiB.
 * Only what the sweep varied can be told apart; the rest stays inside the cost per request.
 */
export function fitCosts(runs: readonly Result[], axes: readonly SweepAxis[]): RoleCost[] {
  const terms = termsFor(axes)
  return measuredIn.flatMap(([role, mode]) => {
    const samples = runs.flatMap((run) =>
      validWindows(run.modes[mode]).flatMap((window) => {
        const cpu = window.cpu[role]
        return cpu === undefined || cpu.cores === 0 ? [] : [{ run, window, cpu }]
      }),
    )
    const first = samples[0]
    if (first === undefined) return []
    const observe = (wanted: readonly Term[]): Observation[] =>
      samples.map(({ run, window, cpu }) => ({
        measured: cpu.cores,
        terms: wanted.map((term) => termValue(term, run, window, cpu.processes)),
      }))
    // Ten workloads on a node have ten sidecars but the same ztunnel: there idle cannot be told apart.
    const solvable = [terms, terms.filter((term) => term !== 'idle')].find(
      (wanted) => fitNonNegative(observe(wanted)) !== null,
    )
    const told = solvable ?? terms
    const observations = observe(told)
    const fitted = fitNonNegative(observations)
    const value = (term: Term): number | null =>
      told.includes(term) ? (fitted?.[told.indexOf(term)] ?? null) : null
    return [
      {
        role,
        idleCores: value('idle'),
        coresPerConnection: value('connection'),
        usPerRequest: inMicroseconds(value('request')),
        usPerKib: inMicroseconds(value('kib')),
        processesPerPath: pathProcesses[role] ?? first.cpu.processes,
        pssBytesPerProcess: median(samples.flatMap(({ window }) => pssPerProcess(window, role))),
        fitError: fitted === null ? null : relativeError(observations, fitted),
        windows: samples.length,
      },
    ]
  })
}

/** How many proxies of a role one request of the echo workload passes. */
const pathProcesses: Partial<Record<Role, number>> = { sidecar: 2, ztunnel: 2, waypoint: 1 }

const idleAxes: readonly SweepAxis[] = ['rate', 'replicas', 'workloads-per-node']

function termsFor(axes: readonly SweepAxis[]): readonly Term[] {
  return [
    ...(axes.some((axis) => idleAxes.includes(axis)) ? (['idle'] as const) : []),
    ...(axes.includes('connections') ? (['connection'] as const) : []),
    'request',
    ...(axes.includes('payload') ? (['kib'] as const) : []),
  ]
}

/** What a coefficient is multiplied with; CPU is in cores, so seconds of CPU per second. */
function termValue(term: Term, { options }: Result, window: Window, processes: number): number {
  if (term === 'idle') return processes
  if (term === 'connection') return options.connections
  if (term === 'request') return window.achievedRate
  return (window.achievedRate * (options.requestBytes + (options.responseBytes ?? 0))) / 1024
}

const inMicroseconds = (seconds: number | null): number | null =>
  seconds === null ? null : seconds * 1e6

function pssPerProcess(window: Window, role: Role): number[] {
  const memory = window.memory[role]
  if (memory === undefined || memory.pssBytes === null || memory.processes === 0) return []
  return [memory.pssBytes / memory.processes]
}
