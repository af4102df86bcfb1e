import { z } from 'zod'

/** What `apply` and `rollback` say at their end; also `--json`. */
export const executionSchema = z.object({
  plan: z.string(),
  outcome: z.enum([
    'finished',
    'paused',
    'failed',
    'rolled-back',
    'rollback-failed',
    'interrupted',
  ]),
  /** Folder of the migration: its journal and its plan. */
  journal: z.string(),
  /** Why it ended otherwise than finished, and what to do. */
  reason: z.string().optional(),
  steps: z.array(
    z.object({
      id: z.string(),
      outcome: z.enum(['verified', 'failed', 'undone', 'not-reached', 'skipped']),
      durationMs: z.number(),
      evidence: z.array(z.string()),
      /** Why it failed, or was left to a later run; of an undone one, what was left as it is. */
      reason: z.string().optional(),
    }),
  ),
  /** Calls that could not be tried beforehand because they need what earlier steps make. */
  untried: z.array(z.string()).optional(),
  /** The proof of no restart: pods that were there before, by what became of them. */
  pods: z.object({
    before: z.number(),
    untouched: z.number(),
    /** Recreated because the user said --restart-workloads. */
    converted: z.number(),
    /** Restarted or gone without our doing: named. */
    others: z.array(z.object({ pod: z.string(), what: z.string() })),
  }),
})

export type Execution = Readonly<z.infer<typeof executionSchema>>
