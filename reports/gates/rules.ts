import { z } from 'zod'
import { modes } from '../../harness/modes.ts'
import { parseLimit } from './limit.ts'
import { gateMetric, gateMetricNames } from './metric.ts'

const limit = z.union([z.number(), z.string()])

const rule = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'for people; default: the rule itself' }),
    metric: z.enum(gateMetricNames).meta({
      description: 'a metric of the report, or any number of a window in result.json by its path',
    }),
    mode: z.enum(modes),
    against: z
      .enum(['saved', ...modes])
      .optional()
      .meta({
        description:
          'what max and min compare with: another mode of the same run (baseline is the mode without a mesh), or `saved`, the runs of the baseline file; left out: the limit is absolute',
      }),
    max: limit.optional().meta({
      description: 'the most the value, or its difference, may be: a number, "5 ms" or "10 %"',
    }),
    min: limit.optional().meta({ description: 'the least it may be' }),
    floor: z.number().nonnegative().optional().meta({
      description:
        'beside a limit in per cent, in the unit of the metric: a smaller difference never fails; default: the noise floor and the least effect of the metric',
    }),
    use: z.enum(['median', 'worst']).default('median').meta({
      description:
        'what stands for the windows; worst: a single window past an absolute limit fails the rule, without regard to intervals',
    }),
    level: z.enum(['error', 'warn', 'off']).default('error').meta({
      description: 'warn: never changes the exit code',
    }),
  })
  .superRefine((found, context) => {
    const complain = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message })
    }
    const bound = found.max === undefined ? 'min' : 'max'
    const text = found[bound]
    if (text === undefined || (found.max !== undefined && found.min !== undefined)) {
      complain('metric', 'a rule has either max or min')
      return
    }
    const parsed = parseLimit(text, gateMetric(found.metric), found.against !== undefined)
    if ('complaint' in parsed) {
      complain(bound, parsed.complaint)
      return
    }
    if (found.against === found.mode) complain('against', `${found.mode} against itself`)
    if (found.use === 'worst' && found.against !== undefined) {
      complain('use', 'use: worst goes with an absolute limit only')
    }
    const demandsChange = bound === 'max' ? parsed.amount < 0 : parsed.amount > 0
    if (found.floor !== undefined && (!parsed.percent || demandsChange)) {
      complain('floor', 'floor stands beside a percentage that allows a change, such as max: 10 %')
    }
  })

/** `gates.yaml`, published as `meshbench-gates.schema.json`. */
export const gatesFile = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(1).default(1),
  confirm: z.int().min(0).max(5).default(0).meta({
    description:
      'how often `meshbench run --gates` measures again before it fails: a rule fails only when it fails every time; `meshbench gate` has nothing to measure and ignores it',
  }),
  rules: z.array(rule).min(1),
})

export type GatesFile = z.infer<typeof gatesFile>
export type GateRule = z.infer<typeof rule>

/** What is published as `meshbench-gates.schema.json`. */
export function gatesJsonSchema(): unknown {
  return {
    ...z.toJSONSchema(gatesFile, { io: 'input', target: 'draft-2020-12' }),
    title: 'meshbench gates',
  }
}
