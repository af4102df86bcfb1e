import type { Result } from '../../harness/result/schema.ts'
import { metrics } from '../metrics.ts'
import { modesOf } from '../wording/run.ts'

/** Bencher Metric Format: benchmark, measure, value with bounds. https://bencher.dev/docs/reference/bencher-metric-format/ */
export function bencher(result: Result): string {
  const benchmarks = modesOf(result).map((mode) => {
    const measures = metrics.flatMap(({ id }) => {
      const found = result.modes[mode]?.summary[id]
      if (found === undefined || found.value === null) return []
      const { value, ciLow, ciHigh } = found
      const bounds =
        ciLow === null || ciHigh === null ? {} : { lower_value: ciLow, upper_value: ciHigh }
      return [[slug(id), { value, ...bounds }] as const]
    })
    return [`${result.options.workload}/${mode}`, Object.fromEntries(measures)] as const
  })
  return `${JSON.stringify(Object.fromEntries(benchmarks), null, 2)}\n`
}

/** Measures are known there by slugs: `latency-p50-ms`. */
function slug(id: string): string {
  return id.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace('mi-b', 'mib')
}
