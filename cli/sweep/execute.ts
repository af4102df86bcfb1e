import { randomInt } from 'node:crypto'
import { join, relative, resolve } from 'node:path'
import { assertFits, thisMachine } from '../../harness/deploy/capacity.ts'
import { findWorkload } from '../../harness/deploy/workload.ts'
import { describeHost } from '../../harness/environment/host.ts'
import { configHash } from '../../harness/experiment/config-hash.ts'
import { type Measured, recordRun } from '../../harness/experiment/record.ts'
import {
  createRunFolder,
  pointLatestAt,
  type RunFolder,
  writeAtomically,
} from '../../harness/result/folder.ts'
import type { Finding, Result, RunOptions } from '../../harness/result/schema.ts'
import { type Sweep, type SweepAxis, sweepFile } from '../../harness/result/sweep.ts'
import { writeResult } from '../../harness/result/write.ts'
import { analyse } from '../../reports/analyse.ts'
import { type SweptRun, summariseSweep } from '../../reports/cost-model/sweep.ts'
import type { CommandContext } from '../context.ts'
import { describeFailure } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { writeDocuments } from '../report/documents.ts'
import { type RawRunOptions, settleRunOptions } from '../run/settings.ts'
import { showProgress } from '../terminal/progress.ts'
import { readTool } from '../tool.ts'
import { writeSweepDocuments } from './documents.ts'
import { measurePoints } from './measure.ts'
import { optionOf, parseSweeps, type SweepPoint } from './parse.ts'
import { sweepSummary } from './summary.ts'

const defaultOut = '.meshbench'
/** All points carry the fit together, so each needs fewer windows than a comparison does. */
const roundsPerPoint = '3'
const maxSeed = 2 ** 32 - 1

/** A point with everything that its run's record will say of it. */
interface Prepared {
  readonly axis: SweepAxis
  readonly value: number
  readonly label: string
  readonly options: RunOptions
  readonly folder: RunFolder
  measured?: Measured
}

/** Every point becomes a run with a folder of its own; what they have in common is fitted at the end. */
export async function runSweep(
  raw: RawRunOptions,
  texts: readonly string[],
  context: CommandContext,
): Promise<number> {
  const seed = raw.seed ?? String(randomInt(maxSeed))
  const wanted = parseSweeps(texts, raw).map((point) => ({
    point,
    // All of them before the first: a typo in the last point must not cost the time of the others.
    options: settleRunOptions(rawOf({ ...raw, seed }, point), ['meshbench', ...context.argv]),
  }))
  const [first] = wanted
  if (first === undefined) return exitCodes.usage
  const workload = findWorkload(first.options.workload, { entry: raw.entry })
  for (const { options } of wanted) assertFits(workload, options.modes, options, thisMachine())

  const startedAtMs = Date.now()
  const folder = createRunFolder(resolve(raw.out ?? defaultOut), startedAtMs)
  const points: Prepared[] = wanted.map(({ point: { axis, text }, options }) => ({
    axis,
    value: axis === 'payload' ? (options.responseBytes ?? 0) : Number(text),
    label: `${axis} ${text}`,
    options,
    folder: createRunFolder(join(folder.path, 'points'), startedAtMs),
  }))
  const progress = showProgress(context.stderr)
  for (const warning of workload.warnings) progress.note(`warning: ${warning}`)
  const environment = await describeHost()
  const tool = { name: 'meshbench', version: context.version } as const
  const measuring = readTool()
  const keep = (point: Prepared, finding?: Finding): Result | undefined => {
    if (point.measured === undefined || !hasWindow(point.measured)) return undefined
    const facts = {
      ...{ runId: point.folder.runId, startedAtMs, environment, tool: measuring },
      configHash: configHash(point.options, workload),
    }
    const status =
      finding !== undefined ? 'failed' : context.signal.aborted ? 'interrupted' : 'complete'
    const record = analyse(
      recordRun({ ...facts, options: point.options }, point.measured, { status, finding }),
    )
    writeResult(point.folder.path, record)
    return record
  }
  let failure: unknown
  let finding: Finding | undefined
  try {
    await measurePoints(
      { points, seed: Number(seed), workload, folder: folder.path, progress, context },
      (point, measured) => {
        point.measured = measured
        keep(point)
      },
    )
  } catch (error) {
    if (!context.signal.aborted) {
      failure = error
      const { code, message, hint } = describeFailure(error)
      finding = { code, severity: 'error', message, hint }
    }
  } finally {
    progress.end()
  }
  const runs = points.flatMap((point): SweptRun[] => {
    const run = keep(point, finding)
    if (run === undefined) return []
    const path = relative(folder.path, point.folder.path)
    return [{ axis: point.axis, value: point.value, folder: path, run }]
  })
  const record = summariseSweep(runs, {
    tool,
    status: context.signal.aborted || failure !== undefined ? 'interrupted' : 'complete',
    workload: first.options.workload,
  })
  const path = join(folder.path, sweepFile)
  writeAtomically(path, `${JSON.stringify(record, null, 2)}\n`)
  pointLatestAt(folder)
  if (failure !== undefined) throw failure
  const files = [path, ...(await documents(record, runs, folder.path, context))]
  context.out(
    context.json ? JSON.stringify({ ...record, file: path, files }) : sweepSummary(record, files),
  )
  if (context.signal.aborted) return exitCodes.interrupted
  const trusted = runs.every(({ run }) => run.validity.verdict === 'valid')
  return trusted && runs.length === points.length ? exitCodes.ok : exitCodes.untrustworthy
}

/** What was measured until Ctrl-C is in the files; its documents can be made from them at leisure. */
async function documents(
  record: Sweep,
  runs: readonly SweptRun[],
  folder: string,
  { signal }: CommandContext,
): Promise<string[]> {
  if (signal.aborted || runs.length === 0) return []
  for (const { run, folder: at } of runs) await writeDocuments(run, join(folder, at))
  return await writeSweepDocuments(record, folder)
}

function rawOf(raw: RawRunOptions, { axis, text }: SweepPoint): RawRunOptions {
  return {
    ...raw,
    sweep: undefined,
    rounds: raw.rounds ?? roundsPerPoint,
    [optionOf[axis]]: text,
  }
}

const hasWindow = ({ modes }: Measured): boolean =>
  [...modes.values()].some(({ windows }) => windows.length > 0)
