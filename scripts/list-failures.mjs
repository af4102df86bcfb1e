// A reporter for node's test runner: a line for each test that failed, and nothing else.
import { relative } from 'node:path'

// biome-ignore lint/style/noDefaultExport: node takes a reporter as the default export
export default async function* listFailures(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.details.error?.failureType === 'subtestsFailed') continue
    yield `  ${relative('', data.file ?? '')}: ${data.name}\n`
  }
}
