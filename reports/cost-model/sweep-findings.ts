import type { Mode } from '../../harness/modes.ts'
import type { Sweep, SweepAxis } from '../../harness/result/sweep.ts'
import { leastWindowsForVerdict } from '../judge.ts'
import { measuredCoefficients } from './coefficients.ts'
import { breakEven } from './estimate.ts'
import { breakEvenSentences } from './wording.ts'

type Point = Sweep['chart'][number]
type Compared = { readonly value: number; readonly change: number; readonly word: Word }
const words = ['less', 'more', 'not told apart', 'too few repeats to tell'] as const
type Word = (typeof words)[number]

/** Requests per second of one pod, for which the break-even is said. */
const rpsPerPod = 20
const shape = { pods: 100, nodes: 10, rps: 100 * rpsPerPod, l7Share: 1, waypoints: 2 }
const estimatedBytes = 1024

/** Where ambient wins and where it loses: what the fitted model says, then what the points show. */
export function sweepFindings(sweep: Sweep): string[] {
  const axes = [...new Set(sweep.points.map(({ axis }) => axis))]
  return [
    ...modelled(sweep),
    ...axes.flatMap((axis) => [
      ...againstSidecar(sweep, axis, 'ambient', 'CPU per request'),
      ...againstSidecar(sweep, axis, 'waypoint', 'CPU per request'),
      ...(axis === 'workloads-per-node' || axis === 'replicas'
        ? againstSidecar(sweep, axis, 'ambient', 'memory')
        : []),
    ]),
  ]
}

function againstSidecar(
  { chart }: Sweep,
  axis: SweepAxis,
  mode: Mode,
  what: 'CPU per request' | 'memory',
): string[] {
  const of = (wanted: Mode): Point[] =>
    chart.filter((point) => point.axis === axis && point.mode === wanted)
  const found = of(mode).flatMap((other): Compared[] => {
    const base = of('sidecar').find(({ value }) => value === other.value)
    const compared = base === undefined ? null : compare(base, other, what)
    return compared === null ? [] : [{ value: other.value, ...compared }]
  })
  if (found.length === 0) return []
  const parts = words.flatMap((word) => {
    const some = found.filter((one) => one.word === word)
    return some.length === 0 ? [] : [`${word} at ${axis} ${some.map(written).join(', ')}`]
  })
  const title = what === 'memory' ? 'Memory' : what
  return [`${title} of ${mode}'s proxies against sidecar's: ${parts.join('; ')}`]
}

/** The words need intervals that do not overlap; memory hardly varies and has none here. */
function compare(base: Point, other: Point, what: string): Omit<Compared, 'value'> | null {
  const [from, to] =
    what === 'memory'
      ? [base.proxyPssMiB, other.proxyPssMiB]
      : [base.cpuMsPer1kRequests, other.cpuMsPer1kRequests]
  if (from === undefined || from === null || to === undefined || to === null || from === 0)
    return null
  const change = to / from - 1
  if (what === 'memory') return { change, word: change < 0 ? 'less' : 'more' }
  // The interval of one window has no width. Sweeps of earlier versions do not say how many there were.
  const fewest = Math.min(base.windows ?? Infinity, other.windows ?? Infinity)
  if (fewest < leastWindowsForVerdict) return { change, word: 'too few repeats to tell' }
  const less = other.high !== null && base.low !== null && other.high < base.low
  const more = other.low !== null && base.high !== null && other.low > base.high
  return { change, word: less ? 'less' : more ? 'more' : 'not told apart' }
}

function written({ value, change }: Compared): string {
  const percent = Math.round(change * 100)
  return `${value} (${percent > 0 ? '+' : ''}${percent} %)`
}

function modelled({ model, workload }: Sweep): string[] {
  // Only where every request passes each proxy once do the costs mean anything elsewhere.
  if (workload !== 'echo') return []
  const found = measuredCoefficients(model, estimatedBytes, 'this sweep')
  if ('missing' in found) return []
  const about = `By the fitted costs, 10 pods on a node with ${rpsPerPod} requests/s each`
  return [`${about}: ${breakEvenSentences(breakEven(found, shape)).join('; ')}`]
}
