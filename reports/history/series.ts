import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { hardwareOf, loadOf } from '../gates/baseline.ts'
import { connectionsText, loadText } from '../wording/run.ts'

/** Runs that may stand on one line: one machine, one load. In the order they were made. */
export interface Series {
  readonly id: string
  readonly title: string
  readonly runs: readonly Result[]
}

export interface HistoryPoint {
  /** From 1, in the series. */
  readonly number: number
  readonly run: Result
  readonly mode: Mode
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Newest series first. Interrupted, failed and invalid runs are left to the caller's list. */
export function seriesOf(results: readonly Result[]): Series[] {
  const groups = new Map<string, Result[]>()
  for (const run of results) {
    const key = JSON.stringify([hardwareOf(run), loadOf(run)])
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()]
    .map((runs) => runs.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt)))
    .sort((a, b) => (b.at(-1)?.startedAt ?? '').localeCompare(a.at(-1)?.startedAt ?? ''))
    .map((runs, index) => ({ id: `series-${index + 1}`, title: titleOf(runs), runs }))
}

export function isTrustworthy({ status, validity }: Result): boolean {
  return status === 'complete' && validity.verdict === 'valid'
}

function titleOf(runs: readonly Result[]): string {
  const run = runs[0]
  if (run === undefined) return ''
  const { cpuModel, cores } = run.environment
  const { workload, responseBytes, replicas, workloadsPerNode = 1, sameNode } = run.options
  const about = [
    workload,
    loadText(run),
    connectionsText(run.options),
    ...(responseBytes === null ? [] : [`${responseBytes} bytes`]),
    ...(replicas !== null && replicas > 1 ? [`${replicas} replicas`] : []),
    ...(workloadsPerNode > 1 ? [`${workloadsPerNode} workloads per node`] : []),
    ...(sameNode === true ? ['on one node'] : []),
    `${cpuModel}, ${cores} cores`,
  ]
  return about.join(' \u00b7 ')
}

export function pointsOf({ runs }: Series, metric: string): HistoryPoint[] {
  return runs.flatMap((run, index) =>
    Object.entries(run.modes).flatMap(([mode, { summary }]) => {
      const found = summary[metric]
      if (found === undefined || found.value === null) return []
      const { value, ciLow, ciHigh } = found
      const ends = { low: ciLow ?? value, high: ciHigh ?? value }
      return [{ number: index + 1, run, mode: mode as Mode, value, ...ends }]
    }),
  )
}
