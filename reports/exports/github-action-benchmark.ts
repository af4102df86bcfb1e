import type { Result } from '../../harness/result/schema.ts'
import { metrics } from '../metrics.ts'
import { modesOf } from '../wording/run.ts'

/**
 * `tool: customSmallerIsBetter` of github-action-benchmark. What is better when larger cannot stand
 * in the same file and is left out. https://github.com/benchmark-action/github-action-benchmark
 */
export function githubActionBenchmark(result: Result): string {
  const { workload } = result.options
  const entries = modesOf(result).flatMap((mode) =>
    metrics.flatMap(({ id, title, unit, better }) => {
      const found = result.modes[mode]?.summary[id]
      if (better !== 'less' || found === undefined || found.value === null) return []
      const { value, ciLow, ciHigh, n } = found
      const range = ciLow === null || ciHigh === null ? {} : { range: half(ciHigh - ciLow) }
      const name = `${workload} / ${mode} / ${title}`
      return [{ name, unit, value, ...range, extra: `run ${result.runId}, ${n} windows` }]
    }),
  )
  return `${JSON.stringify(entries, null, 2)}\n`
}

function half(width: number): string {
  return `± ${Number((width / 2).toPrecision(3))}`
}
