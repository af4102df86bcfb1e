import { z } from 'zod'
import { modes } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { gateMetric, gateMetricNames } from './metric.ts'

/** More would only keep old weather; fewer say little of how runs differ. */
export const keptRuns = 10

const hardware = z.strictObject({
  platform: z.string(),
  cpuModel: z.string(),
  cores: z.int().positive(),
  memoryGiB: z.number(),
})

const load = z.strictObject({
  workload: z.string(),
  model: z.string(),
  ratePerSecond: z.number().nullable(),
  connections: z.int(),
  keepAlive: z.boolean(),
  requestBytes: z.int(),
  responseBytes: z.int().nullable(),
  replicas: z.int().nullable(),
  workloadsPerNode: z.int().default(1),
  sameNode: z.boolean().default(false),
})

const software = z.strictObject({
  meshbench: z.string(),
  node: z.string(),
  kernel: z.string(),
  governor: z.string().nullable(),
  durationMs: z.number(),
  cpuSource: z.string(),
  memorySource: z.string(),
})

const savedRun = z.strictObject({
  runId: z.string(),
  startedAt: z.string(),
  software,
  values: z
    .partialRecord(z.enum(modes), z.record(z.string(), z.array(z.number())))
    .meta({ description: 'per mode and metric one value per valid window' }),
})

/**
 * Several runs of one workload on one machine: a baseline is a distribution, since runs differ from
 * one another by more than the windows of one run do. Hardware and load are those of the whole file;
 * with any other, figures do not compare at all. Software may change: that is what gates watch.
 */
export const baselineFile = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.literal('meshbench'),
  hardware,
  load,
  runs: z.array(savedRun).min(1),
})

export type Baseline = z.infer<typeof baselineFile>
export type SavedRun = z.infer<typeof savedRun>

export function hardwareOf({ environment }: Result): Baseline['hardware'] {
  const { platform, cpuModel, cores, memoryBytes } = environment
  return { platform, cpuModel, cores, memoryGiB: Math.round(memoryBytes / 2 ** 30) }
}

export function loadOf({ options }: Result): Baseline['load'] {
  const { workload, model, ratePerSecond, connections } = options
  const { keepAlive, requestBytes, responseBytes, replicas } = options
  const { workloadsPerNode = 1, sameNode = false } = options
  return {
    ...{ workload, model, ratePerSecond, connections },
    ...{ keepAlive, requestBytes, responseBytes, replicas },
    ...{ workloadsPerNode, sameNode },
  }
}

export function softwareOf({ environment, tool, options }: Result): SavedRun['software'] {
  const { node, kernel, governor, cpuSource, memorySource } = environment
  const { durationMs } = options
  return { meshbench: tool.version, node, kernel, governor, durationMs, cpuSource, memorySource }
}

/** `cores: 4 here, 8 in the baseline`, one for each fact that is not the same. */
export function differences<Facts extends Readonly<Record<string, unknown>>>(
  here: Facts,
  there: Facts,
  name = 'the baseline',
): string[] {
  return Object.keys(here)
    .filter((key) => here[key] !== there[key])
    .map((key) => `${words[key] ?? key}: ${here[key]} here, ${there[key]} in ${name}`)
}

/** What a person calls those whose key is no word. */
const words: Readonly<Record<string, string>> = {
  cpuModel: 'CPU',
  memoryGiB: 'memory in GiB',
  model: 'load model',
  ratePerSecond: 'requests per second',
  keepAlive: 'connections kept alive',
  requestBytes: 'bytes of a request',
  responseBytes: 'bytes of an answer',
  workloadsPerNode: 'workloads per node',
  sameNode: 'load and workload on one node',
  durationMs: 'ms of a window',
  cpuSource: 'source of CPU figures',
  memorySource: 'source of memory figures',
}

/** Whatever rules out a comparison; empty when the figures may be held against each other. */
export function notComparable(result: Result, saved: Baseline): string[] {
  return [
    ...differences(hardwareOf(result), saved.hardware),
    ...differences(loadOf(result), saved.load),
  ]
}

/** The baseline with this run in it, the newest `keptRuns`; a run added twice is in it once. */
export function withRun(saved: Baseline | null, result: Result): Baseline {
  const others = (saved?.runs ?? []).filter(({ runId }) => runId !== result.runId)
  return {
    schemaVersion: 1,
    tool: 'meshbench',
    hardware: hardwareOf(result),
    load: loadOf(result),
    runs: [...others, savedRunOf(result)]
      .sort((a, b) => a.startedAt.localeCompare(b.startedAt))
      .slice(-keptRuns),
  }
}

function savedRunOf(result: Result): SavedRun {
  const values = Object.fromEntries(
    modes.flatMap((mode) => {
      const windows = validWindows(result.modes[mode])
      if (windows.length === 0) return []
      const byMetric = gateMetricNames.flatMap((name) => {
        const { read } = gateMetric(name)
        const known = windows
          .map((window) => read(window, mode))
          .filter((value) => value !== null)
          // Counters have more digits than anyone can measure, and the file is kept for years.
          .map((value) => Number(value.toPrecision(6)))
        return known.length === 0 ? [] : [[name, known] as const]
      })
      return [[mode, Object.fromEntries(byMetric)] as const]
    }),
  )
  const { runId, startedAt } = result
  return { runId, startedAt, software: softwareOf(result), values }
}
