import { z } from 'zod'

/** What `migrate status` says; also `--json`. */
export const statusSchema = z.object({
  server: z.string(),
  takenAt: z.string(),
  namespaces: z.array(
    z.object({
      namespace: z.string(),
      /** What its labels ask for. */
      wants: z.enum(['sidecar', 'ambient', 'both', 'none']),
      /**
       * `pending`: ambient is to have the pod, or to let go of it, and has not come to that yet;
       * `excluded`: nobody has it, because it or its namespace says so.
       */
      workloads: z.array(
        z.object({
          workload: z.string(),
          sidecar: z.number(),
          pending: z.number(),
          ambient: z.number(),
          excluded: z.number(),
        }),
      ),
      /** Sidecars and ambient side by side: since when, and how that is known. */
      mixed: z
        .object({ since: z.string(), durationMs: z.number(), knownFrom: z.string() })
        .optional(),
      /** What to do next, in words. */
      next: z.string(),
      /** The last migration of it that this folder knows. */
      journal: z
        .object({
          folder: z.string(),
          state: z.enum(['resumable', 'finished', 'rolling-back', 'rolled-back']),
          step: z.string().optional(),
          reason: z.string().optional(),
          lastAt: z.string(),
        })
        .optional(),
    }),
  ),
  /** Journals that could not be read. */
  damaged: z.array(z.string()),
})

export type MigrationStatus = Readonly<z.infer<typeof statusSchema>>
export type NamespaceStatus = MigrationStatus['namespaces'][number]
export type WorkloadStatus = NamespaceStatus['workloads'][number]
