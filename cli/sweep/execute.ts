import { join, relative, resolve } from 'node:path'
import { createRunFolder, pointLatestAt, writeAtomically } from '../../harness/result/folder.ts'
import { readResult } from '../../harness/result/read.ts'
import type { Result } from '../../harness/result/schema.ts'
import { type Sweep, sweepFile } from '../../harness/result/sweep.ts'
import { type SweptRun, summariseSweep } from '../../reports/cost-model/sweep.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { run } from '../run/execute.ts'
import { type RawRunOptions, settleRunOptions } from '../run/settings.ts'
import { parseSweeps, type SweepPoint } from './parse.ts'
import { sweepSummary } from './summary.ts'

const defaultOut = '.meshbench'
/** All points carry the fit together, so each needs fewer windows than a comparison does. */
const roundsPerPoint = '3'

/** One whole run per point, one after the other; what the points have in common is fitted after each. */
export async function runSweep(
  raw: RawRunOptions,
  texts: readonly string[],
  context: CommandContext,
): Promise<number> {
  const points = parseSweeps(texts, raw)
  // All of them before the first: a typo in the last point must not cost the time of the others.
  for (const point of points) settleRunOptions(rawOf(raw, point, ''), [])
  const folder = createRunFolder(resolve(raw.out ?? defaultOut), Date.now())
  const runs: SweptRun[] = []
  let trusted = true
  for (const [index, point] of points.entries()) {
    if (context.signal.aborted) break
    context.stderr.write(`point ${index + 1} of ${points.length}: ${point.axis} ${point.text}\n`)
    const measured = await measurePoint(raw, point, folder.path, context)
    trusted &&= measured.code === exitCodes.ok
    if (measured.run.status !== 'complete') break
    runs.push({
      axis: point.axis,
      value: sweptValue(point, measured.run),
      folder: relative(folder.path, measured.folder),
      run: measured.run,
    })
    write(folder.path, runs, context)
  }
  const record = write(folder.path, runs, context)
  pointLatestAt(folder)
  const path = join(folder.path, sweepFile)
  context.out(context.json ? JSON.stringify({ ...record, file: path }) : sweepSummary(record, path))
  if (context.signal.aborted) return exitCodes.interrupted
  return trusted ? exitCodes.ok : exitCodes.untrustworthy
}

function rawOf(raw: RawRunOptions, { axis, text }: SweepPoint, folder: string): RawRunOptions {
  return {
    ...raw,
    sweep: undefined,
    rounds: raw.rounds ?? roundsPerPoint,
    [axis]: text,
    out: join(folder, 'points'),
  }
}

async function measurePoint(
  raw: RawRunOptions,
  point: SweepPoint,
  folder: string,
  context: CommandContext,
): Promise<{ readonly code: number; readonly folder: string; readonly run: Result }> {
  let said = '{}'
  const code = await run(rawOf(raw, point, folder), {
    ...context,
    json: true,
    out: (text) => {
      said = text
    },
  })
  const { folder: made = '' } = JSON.parse(said) as { folder?: string }
  return { code, folder: made, run: readResult(made) }
}

function sweptValue({ axis, text }: SweepPoint, { options }: Result): number {
  if (axis === 'payload') return options.responseBytes ?? 0
  return Number(text)
}

function write(folder: string, runs: readonly SweptRun[], context: CommandContext): Sweep {
  const record = summariseSweep(runs, {
    tool: { name: 'meshbench', version: context.version },
    status: context.signal.aborted ? 'interrupted' : 'complete',
    workload: runs[0]?.run.options.workload ?? '',
  })
  writeAtomically(join(folder, sweepFile), `${JSON.stringify(record, null, 2)}\n`)
  return record
}
