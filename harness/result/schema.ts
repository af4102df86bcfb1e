import { z } from 'zod'
import { modes, roles } from '../modes.ts'
import { environment } from './environment.ts'
import { gateReport } from './gates.ts'

/**
 * `result.json`: the one document every report, gate and comparison is made from. Units are in the
 * names. `null` means "measured, but the data does not support a figure"; a missing key means "not
 * measured". Readers pass over fields they do not know, so a new optional field needs no new version.
 * Raise `schemaVersion` on any change that an old reader would misread or refuse: another meaning, a
 * field that is gone, a new value of a closed list.
 */
export const schemaVersion = 1

const mode = z.enum(modes)
const role = z.enum(roles)

const latency = z.object({
  n: z.int().nonnegative(),
  mean: z.number().nullable(),
  p50: z.number().nullable(),
  p75: z.number().nullable(),
  p90: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
  p999: z.number().nullable(),
  max: z.number().nullable(),
  histogram: z.string(),
})

export const outcomes = z.object({
  ok: z.int().nonnegative(),
  non2xx: z.int().nonnegative(),
  timeout: z.int().nonnegative(),
  reset: z.int().nonnegative(),
  connectFailed: z.int().nonnegative(),
  unanswered: z.int().nonnegative(),
})

const roleCpu = z.object({
  processes: z.int().nonnegative(),
  cpuUs: z.number().nonnegative().meta({ description: 'CPU time in the window, all threads' }),
  cores: z
    .number()
    .nonnegative()
    .meta({ description: 'cpuUs over the wall time between its reads' }),
  usPerRequest: z.number().nonnegative().nullable(),
  granularityUs: z.number().nonnegative().optional().meta({
    description: 'how far cpuUs may be off because counters move in steps, over all processes',
  }),
})

const roleMemory = z.object({
  processes: z.int().nonnegative(),
  pssBytes: z.number().nonnegative().nullable(),
  privateBytes: z.number().nonnegative().nullable(),
  rssBytes: z.number().nonnegative(),
})

const nodeCpu = z.object({
  cores: z.int().positive(),
  wallMs: z.number().positive(),
  busyUs: z.number().nonnegative().meta({ description: 'user + nice + system + irq + softirq' }),
  interruptUs: z.number().nonnegative().meta({ description: 'irq + softirq' }),
  stealUs: z.number().nonnegative(),
  attributedUs: z.number().nonnegative().meta({ description: 'sum over roles' }),
  idleModesUs: z
    .number()
    .nonnegative()
    .optional()
    .meta({ description: 'processes of the modes that wait their turn' }),
  remainderUs: z
    .number()
    .meta({ description: 'busyUs - attributedUs - idleModesUs - interruptUs' }),
})

const point = z.object({
  offsetMs: z.number(),
  durationMs: z.number(),
  ok: z.int(),
  failed: z.int(),
  p50Us: z.number().nullable(),
  p99Us: z.number().nullable(),
})

export const finding = z.object({
  code: z.string(),
  severity: z.enum(['error', 'warning', 'info']).meta({
    description: 'error: the figures cannot be trusted; warning: read them with care',
  }),
  message: z.string(),
  hint: z.string().optional(),
  mode: mode.optional(),
  round: z.int().optional(),
  value: z.number().optional(),
  limit: z.number().optional(),
})

export const window = z.object({
  round: z.int().positive(),
  position: z
    .int()
    .nonnegative()
    .meta({ description: 'place in the whole schedule, that of a sweep included' }),
  startedAt: z.iso.datetime(),
  durationMs: z.number().positive(),
  warmupMs: z.number().nonnegative(),
  steady: z
    .object({
      reached: z.boolean(),
      cutMs: z.number().nonnegative().meta({ description: 'where the window was made to begin' }),
      slices: z.int().nonnegative(),
      moving: z
        .array(z.object({ series: z.string(), slope: z.number(), step: z.number() }))
        .meta({ description: 'what still moved in the last test, as a share of its mean' }),
    })
    .optional()
    .meta({ description: 'the steady-state test that ended the warm-up' }),
  quiet: z
    .object({
      reached: z.boolean(),
      waitedMs: z.number().nonnegative(),
      busyShare: z.number().nonnegative().meta({ description: 'of the machine, at the end of it' }),
    })
    .optional()
    .meta({ description: 'waiting for an idle machine before the load of this window' }),
  offeredRate: z.number().nonnegative(),
  achievedRate: z.number().nonnegative(),
  outstandingAtEnd: z
    .int()
    .nonnegative()
    .optional()
    .meta({ description: 'arrivals without an answer when the window ended' }),
  arrivals: z.int().nonnegative(),
  outcomes,
  failures: z
    .record(z.string(), z.int().positive())
    .optional()
    .meta({ description: 'everything but ok by cause: a status, a system error, timeout, ...' }),
  latencyUs: latency,
  serviceTimeUs: latency,
  failedLatencyUs: latency,
  cpu: z.partialRecord(role, roleCpu),
  memory: z.partialRecord(role, roleMemory),
  nodeCpu: nodeCpu.nullable().meta({ description: 'null where the platform has no such counters' }),
  sampler: z
    .object({
      cpuUs: z.number().nonnegative(),
      cores: z.number().nonnegative(),
    })
    .optional()
    .meta({
      description:
        'what reading the counters at both edges cost, part of controlPlane; memory is read after the window',
    }),
  host: z
    .object({
      clockJumpMs: z.number(),
      cpuMhzBefore: z.number().nullable(),
      cpuMhzAfter: z.number().nullable(),
      throttledUs: z.number().nonnegative().nullable().optional().meta({
        description: 'how long the CPU quota of the container held processes back',
      }),
      cpuPressureUs: z.number().nonnegative().nullable().optional().meta({
        description: 'time in which some process of the machine waited for a CPU',
      }),
    })
    .optional()
    .meta({ description: 'what should not have changed between the edges of the window' }),
  generator: z.object({
    cores: z.number().nonnegative(),
    lagUsP50: z.number().nonnegative(),
    lagUsP99: z.number().nonnegative(),
    lagUsMax: z.number().nonnegative(),
    queueUsP99: z.number().nonnegative(),
    eventLoopUtilization: z.number().nonnegative(),
    connectionsOpened: z.int().nonnegative(),
    connectionsClosedEarly: z.int().nonnegative(),
  }),
  points: z.array(point),
  proof: z
    .object({ ok: z.boolean(), evidence: z.array(z.string()) })
    .optional()
    .meta({
      description:
        'what the counters of the proxies grew by from before the warm-up to after the window: requests and bytes over mutual TLS',
    }),
  findings: z
    .array(finding)
    .meta({ description: 'any of severity error makes the window invalid' }),
})

const estimate = z.object({
  value: z.number().nullable(),
  ciLow: z.number().nullable(),
  ciHigh: z.number().nullable(),
  n: z.int().nonnegative(),
  values: z
    .array(z.number().nullable())
    .meta({ description: 'one per valid window, in round order' }),
})

export const comparison = z.object({
  metric: z.string(),
  unit: z.string(),
  base: mode,
  other: mode,
  baseValue: z.number().nullable(),
  otherValue: z.number().nullable(),
  difference: z.number().nullable().meta({ description: 'other - base, in unit' }),
  ratio: z.number().nullable().meta({ description: 'other / base' }),
  ciLow: z.number().nullable().meta({ description: '95 % interval of the difference' }),
  ciHigh: z.number().nullable(),
  p: z.number().nullable().meta({ description: 'two-sided permutation test' }),
  n: z
    .int()
    .nonnegative()
    .meta({ description: 'windows per side, the smaller; rounds when paired' }),
  paired: z
    .boolean()
    .optional()
    .meta({ description: 'windows of the same round are subtracted from each other' }),
  noiseFloor: z
    .number()
    .nonnegative()
    .optional()
    .meta({ description: 'of the two modes compared; no smaller difference gets a direction' }),
  verdict: z.enum(['less', 'more', 'no-difference', 'inconclusive']),
})

export const result = z.object({
  $schema: z.string().optional(),
  schemaVersion: z.literal(schemaVersion),
  tool: z.object({
    name: z.literal('meshbench'),
    version: z.string(),
    commit: z.string().optional().meta({ description: 'what was built, when git knew' }),
  }),
  runId: z.string(),
  configHash: z.string().optional().meta({
    description: 'of all settings but the seed, and of the objects of the workload',
  }),
  status: z.enum(['complete', 'interrupted', 'failed']),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  environment,
  options: z.object({
    command: z.array(z.string()),
    workload: z.string(),
    modes: z.array(mode).min(1),
    model: z.enum(['open', 'closed']),
    ratePerSecond: z.number().nonnegative().nullable(),
    arrivals: z.enum(['uniform', 'jittered', 'poisson']),
    connections: z.int().positive(),
    keepAlive: z.boolean(),
    requestBytes: z.int().nonnegative(),
    responseBytes: z
      .int()
      .nonnegative()
      .nullable()
      .meta({ description: 'null: as the workload says' }),
    durationMs: z.number().positive(),
    warmupMs: z.number().nonnegative(),
    warmupMaxMs: z
      .number()
      .nonnegative()
      .optional()
      .meta({ description: 'a warm-up ends between warmupMs and this, when figures are steady' }),
    rounds: z.int().positive(),
    replicas: z
      .int()
      .positive()
      .nullable()
      .meta({ description: 'of each service; null: as the workload says' }),
    workloadsPerNode: z.int().positive().optional().meta({
      description:
        'the workload under load and idle copies of it in namespaces of their own on the same node; left out: 1',
    }),
    sameNode: z.literal(true).optional().meta({
      description:
        'the load generator runs on the node of the workload; left out: on another, so that requests cross nodes',
    }),
    timeoutMs: z.number().positive(),
    seed: z.int().nonnegative(),
    quick: z.boolean(),
  }),
  schedule: z.object({
    seed: z.int().nonnegative(),
    order: z.array(z.object({ round: z.int().positive(), mode })),
  }),
  modes: z.partialRecord(
    mode,
    z.object({
      namespace: z.string(),
      verified: z.object({
        ok: z.boolean(),
        evidence: z.array(z.string()).meta({ description: 'what the proxies own counters showed' }),
      }),
      windows: z.array(window),
      summary: z.record(z.string(), estimate),
    }),
  ),
  comparisons: z.array(comparison),
  noise: z.record(
    z.string(),
    z.object({
      unit: z.string(),
      floor: z.number().nonnegative().meta({ description: 'over all modes, for orientation' }),
      modes: z
        .partialRecord(mode, z.number().nonnegative())
        .optional()
        .meta({ description: 'how far each mode differs from itself' }),
      source: z.string(),
    }),
  ),
  validity: z.object({
    verdict: z.enum(['valid', 'invalid', 'inconclusive']),
    findings: z.array(finding),
  }),
  gates: gateReport.optional().meta({ description: 'of `meshbench run --gates`' }),
})

export type Result = z.infer<typeof result>
export type ModeResult = NonNullable<Result['modes']['sidecar']>
export type Window = z.infer<typeof window>
export type Finding = z.infer<typeof finding>
export type Comparison = z.infer<typeof comparison>
export type Estimate = z.infer<typeof estimate>
export type RunOptions = Result['options']
