import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { HarnessError } from '../errors.ts'
import { modes, roles } from '../modes.ts'

/**
 * `sweep.json`: several runs that differ in one option each, measured in turn, and what a cost model
 * makes of them.
 */
export const sweepVersion = 1
export const sweepFile = 'sweep.json'
export const sweepAxes = [
  'rate',
  'payload',
  'connections',
  'replicas',
  'workloads-per-node',
] as const
export type SweepAxis = (typeof sweepAxes)[number]

const coefficient = z.number().nonnegative().nullable()

const roleCost = z.object({
  role: z.enum(roles),
  idleCores: coefficient.meta({ description: 'per process without load; null: not told apart' }),
  coresPerConnection: coefficient,
  usPerRequest: coefficient.meta({ description: 'CPU of all processes of the role together' }),
  usPerKib: coefficient,
  processesPerPath: z
    .number()
    .positive()
    .meta({ description: 'of this role, in the mode measured' }),
  pssBytesPerProcess: z.number().nonnegative().nullable(),
  fitError: z
    .number()
    .nonnegative()
    .nullable()
    .meta({ description: 'root mean square of the residuals, as a share of what was measured' }),
  windows: z.int().nonnegative(),
})

const point = z.object({
  axis: z.enum(sweepAxes),
  value: z.number().positive(),
  runId: z.string(),
  folder: z.string().meta({ description: 'of the whole run, relative to this file' }),
  verdict: z.enum(['valid', 'invalid', 'inconclusive']),
})

const chartPoint = z.object({
  mode: z.enum(modes),
  axis: z.enum(sweepAxes),
  value: z.number(),
  cpuMsPer1kRequests: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  windows: z.int().nonnegative().optional().meta({ description: 'valid ones behind the figure' }),
  proxyPssMiB: z.number().nullable().optional(),
  latencyP50Ms: z.number().nullable().optional(),
  latencyP99Ms: z.number().nullable().optional(),
})

export const sweep = z.object({
  schemaVersion: z.literal(sweepVersion),
  kind: z.literal('sweep'),
  tool: z.object({ name: z.literal('meshbench'), version: z.string() }),
  status: z.enum(['complete', 'interrupted']),
  workload: z.string(),
  points: z.array(point),
  model: z.array(roleCost),
  chart: z.array(chartPoint),
  findings: z
    .array(z.string())
    .optional()
    .meta({ description: 'where ambient wins and where it loses, in words' }),
})

export type Sweep = z.infer<typeof sweep>
export type RoleCost = z.infer<typeof roleCost>

/** The sweep at a path (its folder or file); undefined where there is a plain result instead. */
export function readSweep(path: string): Sweep | undefined {
  const file = isFolder(path) ? join(path, sweepFile) : path
  let data: unknown
  try {
    data = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
  if ((data as { kind?: unknown } | null)?.kind !== 'sweep') return undefined
  const checked = sweep.safeParse(data)
  if (checked.success) return checked.data
  const { schemaVersion } = data as { schemaVersion?: unknown }
  if (typeof schemaVersion === 'number' && schemaVersion > sweepVersion) {
    throw new HarnessError(
      'result-newer',
      `${file} has schema version ${schemaVersion}, this is ${sweepVersion}`,
      { hint: 'it was written by a newer meshbench: update this one', exitCode: 2 },
    )
  }
  throw new HarnessError('result-invalid', `${file} is no sweep this meshbench can read`, {
    hint: 'repeat the sweep with this version',
    exitCode: 2,
    cause: checked.error,
  })
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
