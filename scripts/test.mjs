// Runs the compiled tests: `npm test` all of them, `npm test -- unit cli` some folders, `npm test --
// load` whatever path contains the word. Three files at a time, since they mostly wait; then two at a
// time those that kill and stop under load; then those that hold something against the clock, one at
// a time. What failed is said once more at the end.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
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
const loads = /^(cli\/(migrate-rehearse|run|run-stopped)|cluster\/mesh-kill)\./
const measures =
  /^(cli\/run-gates|integration\/(load-.*|sampler|validity-provoked|ztunnel-patience))\./
const scratch = mkdtempSync(join(tmpdir(), 'meshbench-test-'))
const failures = []
const statuses = [
  run(
    files.filter((file) => !loads.test(file) && !measures.test(file)),
    3,
  ),
  run(
    files.filter((file) => loads.test(file)),
    2,
  ),
  run(
    files.filter((file) => measures.test(file)),
    1,
  ),
]
rmSync(scratch, { recursive: true })
if (failures.length > 0) console.error(`\nfailed:\n${failures.join('\n')}`)
process.exit(statuses.find((status) => status !== 0) ?? 0)

function run(some, concurrency) {
  if (some.length === 0) return 0
  const list = join(scratch, 'failures')
  const reporters = flags.some((flag) => flag.startsWith('--test-reporter'))
    ? []
    : [
        `--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`,
        '--test-reporter-destination=stdout',
        '--test-reporter=./scripts/list-failures.mjs',
        `--test-reporter-destination=${list}`,
      ]
  const { status } = spawnSync(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-timeout=180000',
      ...reporters,
      ...flags,
      ...some.map((file) => join('dist/test', file)),
    ],
    { stdio: 'inherit' },
  )
  if (reporters.length > 0) {
    failures.push(...readFileSync(list, 'utf8').split('\n').filter(Boolean))
  }
  return status ?? 1
}
