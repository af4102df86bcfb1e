import { z } from 'zod'
import { checkResultSchema } from './findings.ts'

export const objectRefSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  namespace: z.string().optional(),
})

/** One write to the API. Its inverse is built from what the object was just before it. */
export const callSchema = z.discriminatedUnion('verb', [
  z.object({
    verb: z.literal('create'),
    ref: objectRefSchema,
    body: z.record(z.string(), z.unknown()),
  }),
  /** Server-side apply with our field manager, never by force. */
  z.object({
    verb: z.literal('apply'),
    ref: objectRefSchema,
    body: z.record(z.string(), z.unknown()),
  }),
  /** JSON patch; its `test` operations make it compare-and-set. */
  z.object({
    verb: z.literal('patch'),
    ref: objectRefSchema,
    patch: z.array(
      z.object({
        op: z.enum(['test', 'add', 'remove', 'replace']),
        path: z.string(),
        value: z.unknown().optional(),
      }),
    ),
  }),
  z.object({
    verb: z.literal('delete'),
    ref: objectRefSchema,
    uid: z.string(),
    /** What is deleted, as it is expected to be then: for people to read. */
    object: z.record(z.string(), z.unknown()).optional(),
  }),
])

/** What must hold before a step's calls; where it does not yet hold, the step is skipped and left to a later `apply`. */
export const requirementSchema = z.object({
  check: z.enum([
    /** No pod of the namespace has a sidecar at work. */
    'no-sidecars',
    /** Nobody with a sidecar, of any namespace, has been seen to call the namespace. */
    'no-sidecar-callers',
    /** Nobody but those of `except` has been seen to call the namespace with a sidecar or in plaintext. */
    'callers-come-through',
    /** As the verification of this name. */
    'waypoint-bound',
    /** Object `ref`, if it is still there, has just these `fields`. */
    'unchanged',
    /** Policy `ref` has the condition `condition` with status True. */
    'policy-accepted',
  ]),
  namespace: z.string().optional(),
  ref: objectRefSchema.optional(),
  /** Principals, and `plaintext`. */
  except: z.array(z.string()).optional(),
  /** By path, as `spec.selector`; null means absent. */
  fields: z.record(z.string(), z.unknown()).optional(),
  condition: z.string().optional(),
})

/** What must hold after a step's calls before the next step may begin; each waits up to `timeoutMs`. */
export const verificationSchema = z.object({
  check: z.enum([
    /** `ref` carries `labels`; null means absent. L0. */
    'labels',
    /** Gateway `ref` is Programmed, has an address and a ready replica. */
    'gateway-ready',
    /** `ref` (Service, or Namespace: all its services) has WaypointBound True. */
    'waypoint-bound',
    /** Policy `ref` has the condition `condition` with status True. */
    'policy-accepted',
    /** Every eligible pod of the namespace without a sidecar has redirection enabled. L1. */
    'pods-captured',
    /** Their node's ztunnel has them as HBONE without nativeTunnel, workloadState Up. L2, L3. */
    'ztunnel-serves',
    /** Its counters grow for them, mutual TLS; silent workloads are told, not failed. L4. */
    'ztunnel-carries',
    /** Requests of a canary pod that runs `image`, else of whoever calls, arrive through HBONE. L5. */
    'probe',
    /** UIDs, restart counts and start times of all pods of the namespace are as before the step. */
    'pods-unchanged',
    /** A pod created with dryRun gets no sidecar. */
    'no-injection',
    /** Workload `ref` has rolled out: updated = desired, available, observed. */
    'rolled-out',
    /** Pods of workload `ref` have no sidecar and are captured. */
    'converted',
    /** Every sidecar of the namespace has networking.istio.io/tunnel=http. */
    'sidecars-take-hbone',
    /** What callers' proxies count of the namespace's workloads fails no more often than before. */
    'traffic-holds',
  ]),
  namespace: z.string().optional(),
  ref: objectRefSchema.optional(),
  labels: z.record(z.string(), z.string().nullable()).optional(),
  condition: z.string().optional(),
  /** Of the canary pod of a `probe`. */
  image: z.string().optional(),
  timeoutMs: z.number().positive(),
})

/** What a policy protects after a step, against today. */
export const policyEffectSchema = z.object({
  /** `AuthorizationPolicy shop/deny-admin`. */
  policy: z.string(),
  effect: z.enum(['same', 'stricter', 'open', 'altered']),
  /** For whom: callers and pods, in words. */
  because: z.string(),
})

export const stepSchema = z.object({
  /** `S10/shop`, `S11/shop/Deployment/cart`: unique in the plan. */
  id: z.string(),
  /** `S10`: of the table of steps in docs/migrating.md. */
  phase: z.string().regex(/^S\d+$/),
  title: z.string(),
  namespace: z.string().optional(),
  why: z.string(),
  /** Absent: nothing but what the calls themselves compare. */
  requires: z.array(requirementSchema).optional(),
  calls: z.array(callSchema),
  verify: z.array(verificationSchema),
  /** How it is taken back, in words; the calls for it follow from the journal. */
  takenBack: z.string(),
  effects: z.array(policyEffectSchema),
  /** Pods that this step makes somebody recreate; empty unless --restart-workloads. */
  restarts: z.array(z.string()),
})

export const planSchemaVersion = 1

export const planSchema = z.object({
  schemaVersion: z.literal(planSchemaVersion),
  kind: z.literal('meshbench-migration-plan'),
  /** Names the migration everywhere: journal folder, label `meshbench.io/migration`, lease. */
  id: z.string(),
  tool: z.string(),
  createdAt: z.string(),
  source: z.object({
    from: z.enum(['cluster', 'files']),
    server: z.string().optional(),
    version: z.string().optional(),
    embedded: z.boolean().optional(),
    directory: z.string().optional(),
    /** What was skipped of the files, or is not quite clear. */
    faults: z
      .array(z.object({ file: z.string(), line: z.number(), message: z.string() }))
      .optional(),
    /** What had to be taken for granted for want of a cluster, in sentences. */
    assumed: z.array(z.string()).optional(),
  }),
  options: z.object({
    namespaces: z.array(z.string()),
    restartWorkloads: z.boolean(),
    waypoint: z.enum(['auto', 'always', 'never']),
    waypointName: z.string(),
    accept: z.array(z.string()),
    probe: z.boolean(),
    /** What canaries run; the embedded cluster has its own. */
    probeImage: z.string().optional(),
    /** Delete what nobody enforces any more once all is in ambient. */
    cleanUp: z.boolean().optional(),
    /** Have pods refuse whoever comes past the waypoint. */
    protectFromBypass: z.boolean().optional(),
    /** Who may all the same: `monitoring/prometheus`, `port:9090`. */
    allowBypass: z.array(z.string()).readonly().optional(),
  }),
  /** Namespaces in the order of their waves, callers first. */
  waves: z.array(z.array(z.string())),
  /** Everything the plan follows from; `apply` refuses when it reads something else. */
  basis: z.object({
    /** sha256 over all objects below. */
    hash: z.string(),
    /** `Kind namespace/name` to a digest of what matters of it: not status, not resourceVersion. */
    objects: z.record(z.string(), z.string()),
  }),
  checks: z.array(checkResultSchema),
  /** Per policy and step: what it protects then. */
  policies: z.array(
    z.object({
      policy: z.string(),
      today: z.string(),
      verdict: z.string(),
      afterSteps: z.array(policyEffectSchema.extend({ step: z.string() })),
    }),
  ),
  steps: z.array(stepSchema),
  /** Pods that keep their sidecar until something recreates them. */
  staying: z.array(z.object({ namespace: z.string(), workload: z.string(), pods: z.number() })),
})

export type Plan = z.infer<typeof planSchema>
export type Step = z.infer<typeof stepSchema>
export type Call = z.infer<typeof callSchema>
export type Requirement = z.infer<typeof requirementSchema>
export type Verification = z.infer<typeof verificationSchema>
export type PolicyEffect = z.infer<typeof policyEffectSchema>
