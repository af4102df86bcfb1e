import { z } from 'zod'
import { LoadError } from './errors.ts'
import type { LoadPlan } from './protocol.ts'

const headerValue = z.string().regex(/^[^\r\n]*$/, 'must be one line')

const service = z.string().regex(/^[A-Za-z0-9.-]+(:\d{1,5})?$/, 'must be a service name')

const plan = z
  .strictObject({
    service,
    spread: z
      .array(z.strictObject({ service, weight: z.number().positive() }))
      .min(1)
      .optional(),
    path: z.string().regex(/^\/\S*$/, 'must begin with / and hold no blank'),
    method: z.enum(['GET', 'POST']),
    requestBytes: z
      .int()
      .min(0)
      .max(64 * 2 ** 20),
    headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), headerValue),
    model: z.enum(['open', 'closed']),
    ratePerSecond: z.number().min(0).max(200_000),
    arrivals: z.enum(['uniform', 'jittered', 'poisson']),
    connections: z.int().min(1).max(10_000),
    keepAlive: z.boolean(),
    timeoutMs: z.number().positive().max(60_000),
    warmupMs: z.number().min(0).max(3_600_000),
    warmUpPointMs: z.number().min(50).max(60_000).optional(),
    windowMs: z
      .number()
      .positive()
      .max(24 * 3_600_000),
    windows: z.enum(['once', 'continuous']).optional(),
    lane: z
      .string()
      .regex(/^[a-z0-9-]{0,40}$/, 'must be a short name')
      .optional(),
    trace: z.boolean().optional(),
    retryStale: z.boolean().optional(),
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1),
  })
  .refine(({ model, ratePerSecond }) => model === 'closed' || ratePerSecond > 0, {
    path: ['ratePerSecond'],
    message: 'must be above 0 for an open loop',
  })
  .refine(({ method, requestBytes }) => method === 'POST' || requestBytes === 0, {
    path: ['requestBytes'],
    message: 'a GET carries no body; use POST',
  })

/** Checks what came over the wire. Throws LoadError `plan-invalid` naming every field at fault. */
export function parsePlan(json: string): LoadPlan {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw invalid(`not JSON: ${(cause as Error).message}`)
  }
  const parsed = plan.safeParse(value)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw invalid(faults.join('; '))
}

function invalid(reason: string): LoadError {
  return new LoadError('plan-invalid', `the load plan is not usable: ${reason}`, 'see LoadPlan')
}
