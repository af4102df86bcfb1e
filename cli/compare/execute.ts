import { join, resolve } from 'node:path'
import { makeFolder, writeAtomically } from '../../harness/result/folder.ts'
import { readResult } from '../../harness/result/read.ts'
import { analyse } from '../../reports/analyse.ts'
import { compareRuns, type RunComparison } from '../../reports/compare/compare.ts'
import { compareSentence, environmentLines } from '../../reports/compare/wording.ts'
import type { RawCompareOptions } from '../commands/compare.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { folderOf } from '../report/folder.ts'
import { parseList } from '../values/list.ts'

const formats = ['md', 'html'] as const

export async function compare(raw: RawCompareOptions, context: CommandContext): Promise<number> {
  const wanted =
    raw.format === undefined ? [] : parseList('--format', raw.format, formats, 'format')
  const [before, after] = [raw.before, raw.after].map((path) => analyse(readResult(resolve(path))))
  if (before === undefined || after === undefined) return exitCodes.usage
  const found = compareRuns(before, after)
  const files = await write(found, wanted, raw)
  if (context.json) {
    context.out(JSON.stringify(asJson(found, files)))
  } else if (files.length > 0) {
    context.out(files.join('\n'))
  } else {
    const { compareTerminal } = await import('../../reports/compare/terminal.ts')
    context.out(compareTerminal(found, context.paint, context.columns))
  }
  return exitCodes.ok
}

async function write(
  found: RunComparison,
  wanted: readonly (typeof formats)[number][],
  { after, out }: RawCompareOptions,
): Promise<string[]> {
  if (wanted.length === 0) return []
  const folder = out === undefined ? folderOf(resolve(after)) : resolve(out)
  makeFolder(folder)
  const files: string[] = []
  for (const format of wanted) {
    const path = join(folder, `compare.${format}`)
    writeAtomically(path, await contentOf(found, format))
    files.push(path)
  }
  return files
}

async function contentOf(found: RunComparison, format: (typeof formats)[number]): Promise<string> {
  if (format === 'md') {
    return (await import('../../reports/compare/markdown.ts')).compareMarkdown(found)
  }
  return (await import('../../reports/compare/html.ts')).compareHtml(found)
}

function asJson(found: RunComparison, files: readonly string[]): unknown {
  return {
    old: found.before.runId,
    new: found.after.runId,
    comparable: found.comparable,
    summary: compareSentence(found),
    environment: environmentLines(found),
    changes: found.changes.map(({ mode, compared, direction }) => {
      const { base: _, other: __, ...figures } = compared
      return { mode, ...figures, direction }
    }),
    files,
  }
}
