import { z } from 'zod'

export const severities = ['blocker', 'warning', 'info'] as const

export const findingSchema = z.object({
  /** `MB051`. */
  id: z.string().regex(/^MB\d{3}$/),
  severity: z.enum(severities),
  /** What it is about: `AuthorizationPolicy shop/deny-admin`. */
  resource: z.string(),
  /** The namespace under migration that it concerns; absent when it concerns all. */
  namespace: z.string().optional(),
  reason: z.string(),
  remedy: z.string(),
  link: z.string(),
  /** Whether `--accept ID` (or `--accept ID=RESOURCE`) lets the migration go on all the same. */
  acceptable: z.boolean(),
  /** Set when it was accepted: it then no longer blocks. */
  accepted: z.boolean().optional(),
})

export const checkResultSchema = z.object({
  id: z.string(),
  title: z.string(),
  link: z.string(),
  outcome: z.enum(['clear', 'found', 'not-evaluated']),
  /** Why it was not evaluated. */
  why: z.string().optional(),
  findings: z.array(findingSchema),
})

export type Severity = (typeof severities)[number]
export type Finding = Readonly<z.infer<typeof findingSchema>>
export type CheckResult = Readonly<z.infer<typeof checkResultSchema>>
