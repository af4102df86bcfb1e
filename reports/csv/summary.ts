import type { Result } from '../../harness/result/schema.ts'
import { metrics } from '../metrics.ts'
import { modesOf } from '../wording/run.ts'
import { type CsvValue, writeCsv } from './write.ts'

const columns = [
  'run_id',
  'workload',
  'metric',
  'title',
  'unit',
  'mode',
  'base',
  'value',
  'base_value',
  'difference',
  'ratio',
  'ci_low',
  'ci_high',
  'p',
  'n',
  'verdict',
] as const

type Row = Record<(typeof columns)[number], CsvValue>

/**
 * `summary.csv`: per metric one row for each mode (`base` empty, the interval is that of `value`),
 * then one for each compared pair (the interval is that of `difference`, value minus base).
 */
export function summaryCsv(result: Result): string {
  const run = { run_id: result.runId, workload: result.options.workload }
  const rows = metrics.flatMap(({ id, title, unit }): Row[] => [
    ...modesOf(result).map((mode) => {
      const estimate = result.modes[mode]?.summary[id]
      return {
        ...run,
        metric: id,
        title,
        unit,
        mode,
        base: null,
        value: estimate?.value ?? null,
        base_value: null,
        difference: null,
        ratio: null,
        ci_low: estimate?.ciLow ?? null,
        ci_high: estimate?.ciHigh ?? null,
        p: null,
        n: estimate?.n ?? 0,
        verdict: null,
      }
    }),
    ...result.comparisons
      .filter(({ metric }) => metric === id)
      .map((compared) => ({
        ...run,
        metric: id,
        title,
        unit,
        mode: compared.other,
        base: compared.base,
        value: compared.otherValue,
        base_value: compared.baseValue,
        difference: compared.difference,
        ratio: compared.ratio,
        ci_low: compared.ciLow,
        ci_high: compared.ciHigh,
        p: compared.p,
        n: compared.n,
        verdict: compared.verdict,
      })),
  ])
  return writeCsv(columns, rows)
}
