import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { assertFits, thisMachine } from '../../harness/deploy/capacity.ts'
import { generatorImage } from '../../harness/deploy/generator-image.ts'
import { findWorkload, type Workload } from '../../harness/deploy/workload.ts'
import { describeHost } from '../../harness/environment/host.ts'
import { configHash } from '../../harness/experiment/config-hash.ts'
import {
  type Measured,
  nothingMeasured,
  type RunFacts,
  recordRun,
} from '../../harness/experiment/record.ts'
import { runExperiment } from '../../harness/experiment/run.ts'
import {
  createRunFolder,
  pointLatestAt,
  type RunFolder,
  resultFile,
} from '../../harness/result/folder.ts'
import type { Result, RunOptions } from '../../harness/result/schema.ts'
import { writeResult } from '../../harness/result/write.ts'
import type { CommandContext } from '../context.ts'
import { describeFailure } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { announce } from '../gate/announce.ts'
import { type Progress, showProgress } from '../terminal/progress.ts'
import { readTool } from '../tool.ts'
import { openCluster, type RunCluster } from './cluster.ts'
import {
  type Attempt,
  gatedExitCode,
  loadRunGates,
  type RunGates,
  untilConfirmed,
} from './gates.ts'
import { describeSettings, type RawRunOptions, settleRunOptions } from './settings.ts'

const defaultOut = '.meshbench'

export async function run(raw: RawRunOptions, context: CommandContext): Promise<number> {
  const options = settleRunOptions(raw, ['meshbench', ...context.argv])
  const workload = findWorkload(options.workload, { entry: raw.entry })
  assertFits(workload, options.modes, options, thisMachine())
  const gates = raw.gates === undefined ? null : await loadRunGates(raw.gates, raw.baseline)
  const { exitCode, output, record } = await untilConfirmed(
    gates,
    // Another order and other arrivals, or the second run would repeat the chance of the first.
    (attempt) =>
      measureOnce(raw, { ...options, seed: options.seed + attempt }, workload, gates, context),
    (text) => context.stderr.write(`${text}\n`),
    context.signal,
  )
  announce(record.gates, process.env, context.stderr)
  if (output !== null) context.out(output)
  return exitCode
}

async function measureOnce(
  raw: RawRunOptions,
  options: RunOptions,
  workload: Workload,
  gates: RunGates | null,
  context: CommandContext,
): Promise<Attempt> {
  const startedAtMs = Date.now()
  // Made first: who cannot write the result need not measure.
  const folder = createRunFolder(resolve(raw.out ?? defaultOut), startedAtMs)
  const progress = showProgress(context.stderr)
  progress.note(describeSettings(options))
  for (const warning of workload.warnings) progress.note(`warning: ${warning}`)
  const facts: RunFacts = {
    runId: folder.runId,
    startedAtMs,
    tool: readTool(),
    options,
    configHash: configHash(options, workload),
    environment: await describeHost(),
  }
  let cluster: RunCluster | undefined
  try {
    cluster = await openCluster(folder.path, progress.note, context.signal)
    const measured = await runExperiment({
      client: cluster.client,
      options,
      workload,
      generatorImage,
      onEvent: progress.onEvent,
      signal: context.signal,
    })
    return await finish(facts, measured, folder, gates, context, progress)
  } catch (error) {
    if (context.signal.aborted) {
      return await finish(facts, nothingMeasured(options), folder, null, context, progress)
    }
    const resultPath = join(folder.path, resultFile)
    if (existsSync(resultPath)) {
      progress.note(`measured all the same: ${resultPath}`)
      progress.note(
        'its documents can be made where there is room: meshbench report RESULT --out DIR',
      )
      throw error
    }
    const { code, message, hint } = describeFailure(error)
    const finding = { code, severity: 'error', message, hint } as const
    writeResult(
      folder.path,
      recordRun(facts, nothingMeasured(options), { status: 'failed', finding }),
    )
    pointLatestAt(folder)
    progress.note(`failed: what there is of the run is in ${folder.path}`)
    throw error
  } finally {
    progress.end()
    await cluster?.stop()
  }
}

async function finish(
  facts: RunFacts,
  measured: Measured,
  folder: RunFolder,
  gates: RunGates | null,
  context: CommandContext,
  progress: Progress,
): Promise<Attempt> {
  const interrupted = context.signal.aborted
  const { analyse } = await import('../../reports/analyse.ts')
  const analysed = analyse(
    recordRun(facts, measured, { status: interrupted ? 'interrupted' : 'complete' }),
  )
  const record = gates === null ? analysed : { ...analysed, gates: gates.check(analysed) }
  // The record first: whatever happens to the documents, they can be made from it again.
  const resultPath = writeResult(folder.path, record)
  const empty = Object.values(record.modes).every(({ windows }) => windows.length === 0)
  if (!(interrupted && empty)) pointLatestAt(folder)
  const exitCode = gatedExitCode(exitCodeOf(record), record)
  if (interrupted) {
    progress.note(
      empty
        ? `interrupted before a window was measured; settings and logs are in ${folder.path}`
        : `interrupted: what was measured is in ${resultPath}`,
    )
    const output = context.json ? summaryJson(record, folder, [resultPath], exitCode) : null
    return { exitCode, record, output }
  }
  const { writeDocuments } = await import('../report/documents.ts')
  const documents = await writeDocuments(record, folder.path)
  progress.end()
  if (context.json) {
    const output = summaryJson(record, folder, [resultPath, ...documents], exitCode)
    return { exitCode, record, output }
  }
  const { terminalSummary } = await import('../../reports/terminal/summary.ts')
  const reportPath = documents.find((path) => path.endsWith('.html')) ?? resultPath
  const { paint, columns: width } = context
  return { exitCode, record, output: terminalSummary(record, { paint, width, reportPath }) }
}

function exitCodeOf({ status, validity }: Result): number {
  if (status === 'interrupted') return exitCodes.interrupted
  return validity.verdict === 'valid' ? exitCodes.ok : exitCodes.untrustworthy
}

function summaryJson(
  record: Result,
  folder: RunFolder,
  files: readonly string[],
  exitCode: number,
): string {
  const { runId, status, validity, comparisons, gates } = record
  return JSON.stringify({
    runId,
    status,
    verdict: validity.verdict,
    findings: validity.findings,
    comparisons,
    gates,
    folder: folder.path,
    files,
    exitCode,
  })
}
