// A reporter for node's test runner: a line for each test that failed, with the reason, and nothing else.
import { relative } from 'node:path'

// biome-ignore lint/style/noDefaultExport: node takes a reporter as the default export
export default async function* listFailures(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.details.error?.failureType === 'subtestsFailed') continue
    // A file that crashed or took too long fails as a test that has its path for a name.
    const name = data.name === data.file ? 'the file itself' : data.name
    yield `  ${relative('', data.file ?? '')}: ${name} (${reasonOf(data.details.error)})\n`
  }
}

function reasonOf(error) {
  if (error?.signal) return `ended by ${error.signal}`
  if (error?.exitCode) return `exit code ${error.exitCode}`
  const message = String(error?.cause?.message ?? error?.message ?? 'no reason given')
  return message.replace(/\s+/g, ' ').trim().slice(0, 160)
}
