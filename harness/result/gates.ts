import { z } from 'zod'
import { modes } from '../modes.ts'

/** What a gate rule came to. The words of it are made when the rule is checked, so that all documents agree. */
export const gateOutcome = z.object({
  name: z.string(),
  level: z.enum(['error', 'warn', 'off']),
  verdict: z.enum(['pass', 'warn', 'fail', 'inconclusive', 'off']).meta({
    description:
      'fail: the limit and the end of the interval are passed; warn: only the limit, or the rule only warns; inconclusive: could not be judged, which is no pass',
  }),
  reason: z
    .enum([
      'within-limit',
      'limit-passed',
      'limit-passed-but-unsure',
      'not-confirmed',
      'metric-missing',
      'mode-missing',
      'too-few-windows',
      'base-is-zero',
      'baseline-missing',
      'baseline-not-comparable',
      'run-not-valid',
      'switched-off',
    ])
    .meta({ description: 'why the verdict is what it is' }),
  metric: z.string(),
  unit: z.string(),
  mode: z.enum(modes),
  against: z
    .enum(['saved', ...modes])
    .nullable()
    .meta({
      description: 'null: an absolute limit; saved: the runs of the baseline file; else a mode',
    }),
  expected: z.string(),
  found: z.string(),
  explanation: z.string(),
  limit: z.number().nullable().meta({ description: 'in unit, the floor already applied' }),
  value: z.number().nullable().meta({ description: 'what is held against the limit, in unit' }),
  ciLow: z.number().nullable(),
  ciHigh: z.number().nullable(),
  values: z.array(z.number()).meta({ description: 'one per valid window' }),
  baseValues: z.array(z.array(z.number())).meta({
    description: 'what it was compared with: one list per saved run, or that of the other mode',
  }),
  line: z.int().positive().optional().meta({ description: 'of the rule in the gates file' }),
})

export const gateReport = z.object({
  file: z.string(),
  baseline: z.string().nullable(),
  verdict: z.enum(['pass', 'warn', 'fail', 'inconclusive', 'baseline-missing']),
  notes: z.array(z.string()),
  outcomes: z.array(gateOutcome),
})

export type GateOutcome = z.infer<typeof gateOutcome>
export type GateReport = z.infer<typeof gateReport>
