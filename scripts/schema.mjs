// Writes meshbench.schema.json from the compiled schema; a test fails while it is out of date.
import { writeFileSync } from 'node:fs'
import { resultJsonSchema } from '../dist/harness/result/json-schema.js'

writeFileSync(
  new URL('../meshbench.schema.json', import.meta.url),
  `${JSON.stringify(resultJsonSchema(), null, 2)}\n`,
)
