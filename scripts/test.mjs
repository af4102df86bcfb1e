// Runs the compiled tests: `npm test` all of them, `npm test -- unit cli` some folders, `npm test --
// load` whatever path contains the word. Three files at a time, since they mostly wait; then those that
// hold something against the clock, one at a time.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const files = readdirSync('dist/test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)))
  .sort()
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`)
  process.exit(2)
}
const measures =
  /^(cli\/(run|run-gates|sweep|migrate-rehearse|up|up-terminal)|integration\/(load-.*|sampler|validity-provoked|ztunnel-patience)|cluster\/(faults|mesh-kill))\./
const together = files.filter((file) => !measures.test(file))
const alone = files.filter((file) => measures.test(file))
const statuses = [run(together, 3), run(alone, 1)]
process.exit(statuses.find((status) => status !== 0) ?? 0)

function run(some, concurrency) {
  if (some.length === 0) return 0
  const paths = some.map((file) => join('dist/test', file))
  const { status } = spawnSync(
    process.execPath,
    ['--test', `--test-concurrency=${concurrency}`, '--test-timeout=180000', ...flags, ...paths],
    { stdio: 'inherit' },
  )
  return status ?? 1
}
