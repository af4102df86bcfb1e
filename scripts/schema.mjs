// Writes the published JSON Schemas from the compiled ones; tests fail while one is out of date.
import { writeFileSync } from 'node:fs'
import { resultJsonSchema } from '../dist/harness/result/json-schema.js'
import { gatesJsonSchema } from '../dist/reports/gates/rules.js'

const schemas = {
  'meshbench.schema.json': resultJsonSchema(),
  'meshbench-gates.schema.json': gatesJsonSchema(),
}
for (const [name, schema] of Object.entries(schemas)) {
  writeFileSync(new URL(`../${name}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`)
}
