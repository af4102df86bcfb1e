import { z } from 'zod'
import type { KubeObject } from '../../cluster/objects.ts'
import { callSchema } from '../result/plan.ts'

export const journalVersion = 1

/** What proves that a pod was not restarted. */
const podIdentitySchema = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  /** `Deployment cart`; absent for a pod that nobody made. */
  workload: z.string().optional(),
  /** It ran to its end, as those of jobs do, or was on its way out. */
  ended: z.boolean(),
  startTime: z.string(),
  /** By container. */
  restarts: z.record(z.string(), z.number()),
  startedAt: z.record(z.string(), z.string()),
})

const objectSchema = z.custom<KubeObject>(
  (value) => typeof value === 'object' && value !== null && 'metadata' in value,
)
const at = z.string()
const step = z.string()
const index = z.number()

/**
 * A line of `.meshbench/migrations/<plan id>/journal.jsonl`, written and flushed to disk before and
 * after every call, so that whoever reads it after a crash knows what may have happened:
 * a `call` without `called` or `not-called` was perhaps carried out and is looked up in the cluster.
 */
export const journalEntrySchema = z.discriminatedUnion('entry', [
  z.object({
    at,
    entry: z.literal('started'),
    journalVersion: z.literal(journalVersion),
    plan: z.string(),
    hash: z.string(),
    holder: z.string(),
    /** UID of the namespace kube-system, which a cluster keeps all its life. */
    cluster: z.string().optional(),
    namespaces: z.array(z.string()),
  }),
  z.object({ at, entry: z.literal('resumed'), holder: z.string() }),
  /** Pods as they were before anything was done. */
  z.object({ at, entry: z.literal('pods'), pods: z.array(podIdentitySchema) }),
  /** With the pods just before it, where it is verified that they stay as they are. */
  z.object({ at, entry: z.literal('step'), step, pods: z.array(podIdentitySchema).optional() }),
  /** With the object just before; absent when there was none. */
  z.object({
    at,
    entry: z.literal('call'),
    step,
    index,
    call: callSchema,
    before: objectSchema.optional(),
  }),
  /** With what the call made of the object; absent when it deleted it. */
  z.object({ at, entry: z.literal('called'), step, index, after: objectSchema.optional() }),
  /** The server refused it, or it was looked up and had never arrived. */
  z.object({ at, entry: z.literal('not-called'), step, index, why: z.string() }),
  /** A pod of ours that makes requests for a proof; it may be there until it is removed. */
  z.object({ at, entry: z.literal('canary'), step, namespace: z.string(), name: z.string() }),
  z.object({ at, entry: z.literal('canary-removed'), namespace: z.string(), name: z.string() }),
  z.object({ at, entry: z.literal('verified'), step, evidence: z.array(z.string()) }),
  z.object({ at, entry: z.literal('failed'), step, reason: z.string() }),
  /** What it requires does not hold yet; nothing of it was done. */
  z.object({ at, entry: z.literal('skipped'), step, reason: z.string() }),
  z.object({ at, entry: z.literal('paused'), step }),
  z.object({ at, entry: z.literal('finished') }),
  z.object({ at, entry: z.literal('rollback'), holder: z.string(), why: z.string() }),
  /** A call that takes back a part or all of the named one. */
  z.object({ at, entry: z.literal('undo'), step, index, call: callSchema }),
  /** Nothing of the named call is left, but for what the note says. */
  z.object({
    at,
    entry: z.literal('undone'),
    step,
    index,
    note: z.string().optional(),
    /** UID of the object that was made anew in place of the one the call had deleted. */
    remadeAs: z.string().optional(),
  }),
  z.object({ at, entry: z.literal('rollback-failed'), reason: z.string() }),
  z.object({ at, entry: z.literal('rolled-back') }),
])

export type JournalEntry = Readonly<z.infer<typeof journalEntrySchema>>
export type PodIdentity = Readonly<z.infer<typeof podIdentitySchema>>
