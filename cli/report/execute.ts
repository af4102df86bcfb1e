import { resolve } from 'node:path'
import { readResult } from '../../harness/result/read.ts'
import { readSweep, type Sweep } from '../../harness/result/sweep.ts'
import { analyse } from '../../reports/analyse.ts'
import { parseFormats } from '../../reports/render.ts'
import type { RawReportOptions } from '../commands/report.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseList } from '../values/list.ts'
import { writeDocuments } from './documents.ts'
import { folderOf } from './folder.ts'

/** Analyses again, so that a newer meshbench says what it knows about an older run. */
export async function report(raw: RawReportOptions, context: CommandContext): Promise<number> {
  if (raw.history !== undefined) {
    if (raw.result !== undefined || raw.format !== undefined) {
      throw new UsageError(
        '--history makes one page of many runs: it takes no result and no --format',
        'leave them out, or leave --history out',
      )
    }
    return await (await import('./history.ts')).history(raw.history, raw.out, context)
  }
  if (raw.result === undefined) {
    throw new UsageError(
      "missing required argument 'result'",
      'name a run folder, for example .meshbench/latest, or --history DIR',
    )
  }
  const source = resolve(raw.result)
  const sweep = readSweep(source)
  if (sweep !== undefined) return await reportSweep(sweep, source, raw, context)
  const formats = raw.format === undefined ? undefined : parseFormats(raw.format)
  const [size] = parseList('--report-size', raw.reportSize ?? 'full', ['full', 'small'], 'size')
  const record = analyse(readResult(source))
  const folder = raw.out === undefined ? folderOf(source) : resolve(raw.out)
  const files = await writeDocuments(record, folder, formats, { interactive: size === 'full' })
  context.out(context.json ? JSON.stringify({ runId: record.runId, files }) : files.join('\n'))
  return exitCodes.ok
}

async function reportSweep(
  sweep: Sweep,
  source: string,
  raw: RawReportOptions,
  context: CommandContext,
): Promise<number> {
  const { sweepFormats, writeSweepDocuments } = await import('../sweep/documents.ts')
  const formats = raw.format === undefined ? undefined : sweepFormats(raw.format)
  const folder = raw.out === undefined ? folderOf(source) : resolve(raw.out)
  const files = await writeSweepDocuments(sweep, folder, formats)
  context.out(context.json ? JSON.stringify({ files }) : files.join('\n'))
  return exitCodes.ok
}
