/**
 * Stands for `meshbench` where a test is about what is around it: `run` measures nothing but writes
 * an invented result that was checked, everything else is the real command.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatedExitCode, loadRunGates } from '../../cli/run/gates.ts'
import { writeResult } from '../../harness/result/write.ts'
import { analyse } from '../../reports/analyse.ts'
import { summaryMarkdown } from '../../reports/markdown/summary.ts'
import { makeResult } from '../fixtures/result.ts'

const argv = process.argv.slice(2)
const option = (name: string): string | undefined => {
  const at = argv.indexOf(name)
  return at === -1 ? undefined : argv[at + 1]
}

if (argv[0] === 'run') {
  if (argv.includes('--break')) process.exit(70)
  const folder = join(option('--out') ?? '', 'latest')
  mkdirSync(folder, { recursive: true })
  const seed = Number(option('--seed') ?? 7)
  const result = analyse({ ...makeResult({ seed, rounds: 4 }), runId: `run-${seed}` })
  const gates = await loadRunGates(option('--gates') ?? '', option('--baseline'))
  const record = { ...result, gates: gates.check(result) }
  writeResult(folder, record)
  writeFileSync(join(folder, 'summary.md'), summaryMarkdown(record))
  process.exit(gatedExitCode(0, record))
}
const main = join(import.meta.dirname, '../../cli/main.js')
process.exit(spawnSync(process.execPath, [main, ...argv], { stdio: 'inherit' }).status ?? 1)
