import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { failedRequests } from '../metrics.ts'
import { type MergedHistogram, mergeHistograms } from '../statistics/histogram.ts'
import { modesOf } from '../wording/run.ts'

const percentiles = [50, 75, 90, 95, 99, 99.9]
const usPerSecond = 1e6
const nsPerMs = 1e6

/**
 * What `fortio load -json` writes, a file per mode, for `fortio report` and tools that read it: all valid
 * windows as one run. Latency counts from the intended start, which fortio's own does not.
 * https://github.com/fortio/fortio
 */
export function fortio(result: Result): { readonly name: string; readonly content: string }[] {
  return modesOf(result).flatMap((mode) => {
    const merged = mergeHistograms(
      validWindows(result.modes[mode]).map(({ latencyUs }) => latencyUs.histogram),
    )
    if (merged.n === 0) return []
    const content = `${JSON.stringify(runOf(result, mode, merged), null, 2)}\n`
    return [{ name: `fortio/${mode}.json`, content }]
  })
}

function runOf(result: Result, mode: Mode, merged: MergedHistogram): unknown {
  const { options, tool, startedAt, runId } = result
  const windows = validWindows(result.modes[mode])
  const durationMs = windows.reduce((sum, window) => sum + window.durationMs, 0)
  const ok = windows.reduce((sum, { outcomes }) => sum + outcomes.ok, 0)
  const failed = windows.reduce((sum, window) => sum + failedRequests(window), 0)
  return {
    RunType: 'HTTP',
    Labels: `meshbench ${options.workload} ${mode} ${runId}`,
    StartTime: startedAt,
    RequestedQPS: options.ratePerSecond === null ? 'max' : String(options.ratePerSecond),
    RequestedDuration: `${(options.durationMs * options.rounds) / 1000}s`,
    ActualQPS: (ok * 1000) / durationMs,
    ActualDuration: Math.round(durationMs * nsPerMs),
    NumThreads: options.connections,
    Version: `meshbench ${tool.version}`,
    DurationHistogram: histogramOf(merged),
    Exactly: 0,
    // -1 is where fortio counts what never had a status.
    RetCodes: { 200: ok, ...(failed > 0 && { '-1': failed }) },
  }
}

function histogramOf(merged: MergedHistogram): unknown {
  const seconds = (us: number): number => us / usPerSecond
  let before = merged.minUs
  let counted = 0
  const buckets = merged.buckets().map(({ toUs, count }) => {
    const start = before
    before = toUs
    counted += count
    return {
      Start: seconds(start),
      End: seconds(toUs),
      Percent: (100 * counted) / merged.n,
      Count: count,
    }
  })
  return {
    Count: merged.n,
    Min: seconds(merged.minUs),
    Max: seconds(merged.maxUs),
    Sum: seconds(merged.meanUs * merged.n),
    Avg: seconds(merged.meanUs),
    StdDev: seconds(merged.deviationUs),
    Data: buckets,
    Percentiles: percentiles
      .filter((p) => merged.n * (1 - p / 100) >= 10)
      .map((p) => ({ Percentile: p, Value: seconds(merged.atPercentile(p)) })),
  }
}
