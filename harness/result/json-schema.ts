import { z } from 'zod'
import { result } from './schema.ts'

/** What is published as `meshbench.schema.json`. */
export function resultJsonSchema(): unknown {
  return {
    ...z.toJSONSchema(result, { io: 'input', target: 'draft-2020-12' }),
    title: 'meshbench result',
  }
}
