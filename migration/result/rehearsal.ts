import { z } from 'zod'
import { executionSchema } from './execution.ts'

export const rehearsalSchemaVersion = 1

const count = z.int().nonnegative()
const ms = z.number().nonnegative()

/** Of good answers, from the moment a request was due. Null where too few samples carry it. */
export const latencySchema = z.object({
  n: count,
  p50: z.number().nullable(),
  p99: z.number().nullable(),
  max: z.number().nullable(),
})

/** What the callers saw in a stretch of time. */
export const trafficSchema = z.object({
  requests: count,
  failedRequests: count,
  /** Why, and how often: `503`, `ECONNRESET`, `timeout`, ... */
  failures: z.record(z.string(), count),
  /**
   * Sent again because the kept connection was closed before a byte of the answer came, as HTTP clients
   * do by themselves; they count as failed only when that fails too.
   */
  retriedRequests: count,
  /** Longest time in which one caller got no good answer on one kind of connection. */
  longestGapMs: ms,
})

/** Mean cores over a window, and memory at its end; null where it could not be read. */
export const usageSchema = z.record(
  z.string(),
  z.object({ processes: count, cores: z.number().nullable(), pssBytes: z.number().nullable() }),
)

export const rehearsedStepSchema = trafficSchema.extend({
  id: z.string(),
  title: z.string(),
  direction: z.enum(['apply', 'rollback']),
  outcome: z.enum(['verified', 'failed', 'undone', 'interrupted']),
  reason: z.string().optional(),
  /** Calls of the step that write; without any nothing has changed. */
  calls: count,
  startedAt: z.string(),
  durationMs: ms,
  latencyUs: z.object({ before: latencySchema, during: latencySchema, after: latencySchema }),
  resources: z.object({ before: usageSchema, after: usageSchema }),
  podsRestarted: count,
  evidence: z.array(z.string()),
})

/** Proof of who carries connections, by the counters of the proxies of the namespace. */
export const carriedSchema = z.object({
  when: z.enum(['before', 'migrated', 'rolled-back']),
  durationMs: ms,
  /**
   * Opened by callers that the plan moves or that have no proxy, one for each request of their fresh
   * lanes, begun and ended in the window. A sidecar that stays pools what its application opens.
   */
  newConnections: count,
  /** To the workloads that are called, at their ztunnels; connections kept alive are not new. */
  atZtunnels: count,
  ofThemMutualTls: count,
  /** Requests at waypoints of the namespace, which pool the connections behind them. */
  atWaypoints: count,
  /** Requests and TCP connections that sidecars of the namespace's pods took in. */
  atSidecars: count,
  /** Of `newConnections` those that ztunnels carried, 0 to 1. */
  ambientShare: z.number(),
})

export const rehearsalSchema = z.object({
  schemaVersion: z.literal(rehearsalSchemaVersion),
  kind: z.literal('meshbench-rehearsal'),
  tool: z.object({ name: z.literal('meshbench'), version: z.string() }),
  id: z.string(),
  startedAt: z.string(),
  endedAt: z.string(),
  verdict: z.enum([
    /** Every step verified, no request failed, nothing restarted that nobody asked to. */
    'clean',
    /** Every step verified, but requests failed or pods restarted. */
    'lossy',
    /** A step did not pass its verification. */
    'failed',
    /** Requests failed before anything was done, or the load was not what it should be. */
    'inconclusive',
    'interrupted',
  ]),
  /** Why it is not clean. */
  reasons: z.array(z.string()),
  namespace: z.string(),
  source: z.object({
    from: z.enum(['workload', 'files', 'cluster']),
    name: z.string(),
    /** What of the original was replaced by a stand-in. */
    replaced: z.array(z.string()),
    /** What of it the rehearsal leaves out, and why. */
    leftOut: z.array(z.string()),
  }),
  options: z.object({
    ratePerSecond: z.number(),
    settleMs: ms,
    istioSemantics: z.boolean(),
    restartWorkloads: z.boolean(),
    rollback: z.boolean(),
    waypoint: z.enum(['auto', 'always', 'never']).optional(),
    cleanUp: z.boolean().optional(),
    protectFromBypass: z.boolean().optional(),
    allowBypass: z.array(z.string()).optional(),
  }),
  environment: z.object({ node: z.string(), os: z.string(), cores: count, cluster: z.string() }),
  /** One for each caller and kind of connection. */
  callers: z.array(
    trafficSchema.extend({
      name: z.string(),
      namespace: z.string(),
      /** What it is on at the beginning, and whether the plan moves it. */
      mesh: z.enum(['sidecar', 'none']),
      moves: z.boolean(),
      /** Kept alive, or a new one for each request. */
      connections: z.enum(['kept', 'fresh']),
      services: z.array(z.string()),
      ratePerSecond: z.number(),
    }),
  ),
  /** The first requests that failed from the first step on, at most a hundred. */
  failed: z.array(
    z.object({
      /** When it was due, from the start of the load. */
      atMs: ms,
      waitedMs: ms,
      step: z.string(),
      caller: z.string(),
      connections: z.enum(['kept', 'fresh']),
      cause: z.string(),
    }),
  ),
  /** Pace: one answer in this time is what each caller expects on each kind of connection. */
  expectedGapMs: ms,
  /** Before the first step, once the load was steady. */
  baseline: trafficSchema.extend({ latencyUs: latencySchema, resources: usageSchema }),
  /** From the first step to the end of the load, rollback included. */
  requests: count,
  failedRequests: count,
  retriedRequests: count,
  longestGapMs: ms,
  podsRestarted: count,
  steps: z.array(rehearsedStepSchema),
  carried: z.array(carriedSchema),
  execution: executionSchema,
  rollback: executionSchema.optional(),
  timeline: z.object({
    binMs: ms,
    points: z.array(
      z.object({
        /** From the start of the load. */
        atMs: ms,
        requests: count,
        failedRequests: count,
        /** Indicators: given however few samples a bin holds. */
        p50Us: z.number().nullable(),
        p99Us: z.number().nullable(),
      }),
    ),
  }),
})

export type Rehearsal = z.infer<typeof rehearsalSchema>
export type RehearsedStep = z.infer<typeof rehearsedStepSchema>
export type Traffic = z.infer<typeof trafficSchema>
export type Latency = z.infer<typeof latencySchema>
export type Usage = z.infer<typeof usageSchema>
export type Carried = z.infer<typeof carriedSchema>
