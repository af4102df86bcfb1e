import { appendFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { makeFolder, writeAtomically } from '../../harness/result/folder.ts'
import type { GateReport } from '../../harness/result/gates.ts'
import { readResult } from '../../harness/result/read.ts'
import type { Result } from '../../harness/result/schema.ts'
import { analyse } from '../../reports/analyse.ts'
import { type Baseline, notComparable, withRun } from '../../reports/gates/baseline.ts'
import { checkGates } from '../../reports/gates/check.ts'
import { gatesJunit } from '../../reports/gates/junit.ts'
import { stepSummary } from '../../reports/gates/markdown.ts'
import { gatesTerminal } from '../../reports/gates/terminal.ts'
import type { RawGateOptions } from '../commands/gate.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { announce } from './announce.ts'
import { gateExitCode } from './exit-code.ts'
import { readBaseline, readGates, writeBaseline } from './files.ts'

export async function gate(raw: RawGateOptions, context: CommandContext): Promise<number> {
  if (raw.updateBaseline === true && raw.baseline === undefined) {
    throw new UsageError('--update-baseline needs a file', 'name it with --baseline FILE')
  }
  const { gates, lines } = readGates(raw.gates)
  const saved = raw.baseline === undefined ? null : readBaseline(raw.baseline)
  const result = analyse(readResult(resolve(raw.result)))
  const report = checkGates(result, gates, {
    file: raw.gates,
    lines,
    ...(raw.baseline !== undefined && { baseline: { path: raw.baseline, saved } }),
  })
  const update = raw.updateBaseline === true ? updateBaseline(raw, result, report, saved) : null
  if (raw.junit !== undefined) writeFile(resolve(raw.junit), gatesJunit(report, result))
  if (raw.summary !== undefined) append(raw.summary, stepSummary(report, result.options.workload))
  announce(report, process.env, context.stderr)
  const exitCode = gateExitCode(report, raw.allowNoBaseline === true)
  if (context.json) {
    const { runId } = result
    context.out(JSON.stringify({ runId, exitCode, ...report, baselineUpdate: update }))
    return exitCode
  }
  context.out(gatesTerminal(report, context.paint))
  if (update !== null) context.out(`baseline ${update.text}`)
  if (exitCode === exitCodes.baselineMissing) context.stderr.write(missingHint(raw))
  return exitCode
}

function missingHint({ baseline, gates }: RawGateOptions): string {
  const file = baseline ?? 'baseline.json'
  return [
    `error: ${baseline === undefined ? `rules of ${gates} compare with saved runs, but no --baseline is given` : `${file} does not exist`}`,
    `  hint: make it with --baseline ${file} --update-baseline --allow-no-baseline`,
    '',
  ].join('\n')
}

interface BaselineUpdate {
  readonly updated: boolean
  readonly runs: number
  readonly text: string
}

/** A failed run is kept out: else a regression would turn into the baseline within a few runs. */
function updateBaseline(
  { baseline: file = '' }: RawGateOptions,
  result: Result,
  report: GateReport,
  saved: Baseline | null,
): BaselineUpdate {
  const runs = saved?.runs.length ?? 0
  const refused = refusal(result, report, saved)
  if (refused !== null) return { updated: false, runs, text: `not changed: ${refused}` }
  const next = withRun(saved, result)
  writeBaseline(resolve(file), next)
  const count = next.runs.length === 1 ? '1 run' : `${next.runs.length} runs`
  return { updated: true, runs: next.runs.length, text: `${file} has ${count} now` }
}

function refusal(result: Result, report: GateReport, saved: Baseline | null): string | null {
  if (result.status !== 'complete' || result.validity.verdict !== 'valid') {
    return 'the run is not valid'
  }
  if (report.verdict === 'fail') {
    return 'a rule failed; to accept the new state, remove the file and start anew'
  }
  const barred = saved === null ? [] : notComparable(result, saved)
  return barred.length === 0 ? null : `it is of something else (${barred.join('; ')})`
}

function writeFile(path: string, content: string): void {
  makeFolder(dirname(path))
  writeAtomically(path, content)
}

/** Other steps of a job write to the same summary. */
function append(path: string, content: string): void {
  try {
    appendFileSync(path, content)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(`cannot write to ${path} (${code})`, 'name a file with --summary FILE')
  }
}
