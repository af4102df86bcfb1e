import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { readResult } from '../../harness/result/read.ts'
import { analyse } from '../../reports/analyse.ts'
import { parseFormats } from '../../reports/render.ts'
import type { RawReportOptions } from '../commands/report.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { writeDocuments } from './documents.ts'

/** Analyses again, so that a newer meshbench says what it knows about an older run. */
export async function report(raw: RawReportOptions, context: CommandContext): Promise<number> {
  const formats = raw.format === undefined ? undefined : parseFormats(raw.format)
  const source = resolve(raw.result)
  const record = analyse(readResult(source))
  const folder = raw.out === undefined ? folderOf(source) : resolve(raw.out)
  const files = await writeDocuments(record, folder, formats)
  context.out(context.json ? JSON.stringify({ runId: record.runId, files }) : files.join('\n'))
  return exitCodes.ok
}

function folderOf(source: string): string {
  return statSync(source).isDirectory() ? source : dirname(source)
}
