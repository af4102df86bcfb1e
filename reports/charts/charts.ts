import type { Result } from '../../harness/result/schema.ts'
import { achievedRate } from './achieved-rate.ts'
import type { Chart } from './chart.ts'
import { cpuByRole } from './cpu-by-role.ts'
import { failuresByMode } from './failures.ts'
import { latencyByMode } from './latency-by-mode.ts'
import { memoryByRole } from './memory-by-role.ts'
import { percentileCurves } from './percentile-curves.ts'
import { windowsOverTime } from './windows-over-time.ts'

/** Null: the result has no data for it, which is no error. */
export type ChartBuilder = (result: Result) => Chart | null

/** In reading order. Did it fail, how fast, what does it cost, can the run be believed. */
export const chartBuilders: Readonly<Record<string, ChartBuilder>> = {
  failures: failuresByMode,
  'latency-by-mode': latencyByMode,
  'latency-percentiles': percentileCurves,
  'cpu-by-role': cpuByRole,
  'memory-by-role': memoryByRole,
  'achieved-rate': achievedRate,
  'windows-over-time': windowsOverTime,
}
