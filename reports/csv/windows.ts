import type { Mode } from '../../harness/modes.ts'
import type { Result, Window } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { metrics } from '../metrics.ts'
import { modesOf } from '../wording/run.ts'
import { type CsvValue, writeCsv } from './write.ts'

const columns = [
  'run_id',
  'workload',
  'mode',
  'round',
  'position',
  'started_at',
  'duration_ms',
  'valid',
  'metric',
  'unit',
  'value',
] as const

type Row = Record<(typeof columns)[number], CsvValue>

interface Figure {
  readonly metric: string
  readonly unit: string
  readonly value: number | null
}

/**
 * `windows.csv`, tidy: one row per window and figure, in the order the windows ran, so that any tool
 * can filter, pivot and plot it without knowing our columns. Windows that do not count are in it
 * too, marked `valid = false`. An empty value was not measured or not supported by the samples.
 */
export function windowsCsv(result: Result): string {
  const rows = modesOf(result).flatMap((mode) => {
    const counted = new Set(validWindows(result.modes[mode]).map(({ position }) => position))
    return (result.modes[mode]?.windows ?? []).flatMap((window) =>
      figuresOf(window, mode).map(
        (figure): Row => ({
          run_id: result.runId,
          workload: result.options.workload,
          mode,
          round: window.round,
          position: window.position,
          started_at: window.startedAt,
          duration_ms: window.durationMs,
          valid: counted.has(window.position),
          ...figure,
        }),
      ),
    )
  })
  return writeCsv(
    columns,
    rows.sort((a, b) => Number(a.position) - Number(b.position)),
  )
}

function figuresOf(window: Window, mode: Mode): Figure[] {
  return [
    ...metrics.map(({ id, unit, read }) => ({ metric: id, unit, value: read(window, mode) })),
    { metric: 'offeredRate', unit: 'req/s', value: window.offeredRate },
    { metric: 'arrivals', unit: 'requests', value: window.arrivals },
    ...Object.entries(window.outcomes).map(([outcome, value]) => ({
      metric: `outcome.${outcome}`,
      unit: 'requests',
      value,
    })),
    ...Object.entries(window.cpu).flatMap(([role, cpu]) => [
      { metric: `cpu.${role}`, unit: 'cores', value: cpu.cores },
      { metric: `cpuPerRequest.${role}`, unit: 'us', value: cpu.usPerRequest },
    ]),
    ...Object.entries(window.memory).flatMap(([role, memory]) => [
      { metric: `processes.${role}`, unit: 'processes', value: memory.processes },
      { metric: `pss.${role}`, unit: 'bytes', value: memory.pssBytes },
      { metric: `private.${role}`, unit: 'bytes', value: memory.privateBytes },
      { metric: `rss.${role}`, unit: 'bytes', value: memory.rssBytes },
    ]),
    ...nodeFigures(window),
    { metric: 'generator.lagP99', unit: 'us', value: window.generator.lagUsP99 },
  ]
}

function nodeFigures({ nodeCpu }: Window): Figure[] {
  if (nodeCpu === null) return []
  return [
    { metric: 'node.busy', unit: 'us', value: nodeCpu.busyUs },
    { metric: 'node.interrupt', unit: 'us', value: nodeCpu.interruptUs },
    { metric: 'node.attributed', unit: 'us', value: nodeCpu.attributedUs },
    { metric: 'node.remainder', unit: 'us', value: nodeCpu.remainderUs },
  ]
}
