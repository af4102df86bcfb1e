import type { Result } from '../../harness/result/schema.ts'
import type { Sweep, SweepAxis } from '../../harness/result/sweep.ts'
import type { MetricId } from '../metrics.ts'
import { modesOf } from '../wording/run.ts'
import { fitCosts } from './fit.ts'
import { sweepFindings } from './sweep-findings.ts'

export interface SweptRun {
  readonly axis: SweepAxis
  readonly value: number
  readonly folder: string
  readonly run: Result
}

const charted = 'proxyCpuMsPerThousand'

/** Points, fitted model and chart data of runs that were analysed already. */
export function summariseSweep(
  runs: readonly SweptRun[],
  about: Pick<Sweep, 'tool' | 'status' | 'workload'>,
): Sweep {
  const sweep = withoutFindings(runs, about)
  return { ...sweep, findings: sweepFindings(sweep) }
}

function withoutFindings(
  runs: readonly SweptRun[],
  about: Pick<Sweep, 'tool' | 'status' | 'workload'>,
): Sweep {
  const axes = [...new Set(runs.map(({ axis }) => axis))]
  return {
    schemaVersion: 1,
    kind: 'sweep',
    ...about,
    points: runs.map(({ axis, value, folder, run }) => ({
      axis,
      value,
      runId: run.runId,
      folder,
      verdict: run.validity.verdict,
    })),
    model: fitCosts(
      runs.map(({ run }) => run),
      axes,
    ),
    chart: runs.flatMap(({ axis, value: at, run }) =>
      modesOf(run).map((mode) => {
        const figure = run.modes[mode]?.summary[charted]
        const value = (metric: MetricId) => run.modes[mode]?.summary[metric]?.value ?? null
        return {
          mode,
          axis,
          value: at,
          cpuMsPer1kRequests: figure?.value ?? null,
          low: figure?.ciLow ?? null,
          high: figure?.ciHigh ?? null,
          windows: figure?.n ?? 0,
          proxyPssMiB: value('proxyPssMiB'),
          latencyP50Ms: value('latencyP50Ms'),
          latencyP99Ms: value('latencyP99Ms'),
        }
      }),
    ),
  }
}
