import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolder, writeAtomically } from '../../harness/result/folder.ts'
import { readResult } from '../../harness/result/read.ts'
import type { Result } from '../../harness/result/schema.ts'
import { analyse } from '../../reports/analyse.ts'
import { historyHtml, type Unread } from '../../reports/history/html.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'

/** `report --history DIR`: one page on all runs in a folder. A run that cannot be read is named, not fatal. */
export async function history(
  dir: string,
  out: string | undefined,
  context: CommandContext,
): Promise<number> {
  const folder = resolve(dir)
  const runs = new Map<string, Result>()
  const unread: Unread[] = []
  for (const name of runNames(folder)) {
    try {
      const result = readResult(join(folder, name))
      // `latest` is one of the others by another name.
      if (!runs.has(result.runId)) runs.set(result.runId, withSummary(result))
    } catch (error) {
      unread.push({ name, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  if (runs.size === 0) {
    throw new UsageError(
      `${dir} has no run in it`,
      'name the folder that run folders are in, for example --history .meshbench',
    )
  }
  const target = out === undefined ? folder : resolve(out)
  makeFolder(target)
  const path = join(target, 'history.html')
  writeAtomically(path, await historyHtml([...runs.values()], unread, context.version))
  const printed = { runs: runs.size, unread, files: [path] }
  context.out(context.json ? JSON.stringify(printed) : path)
  return exitCodes.ok
}

function runNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => existsSync(join(folder, name, 'result.json')))
      .sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(
      `${folder} cannot be read (${code})`,
      'name the folder that run folders are in, for example --history .meshbench',
    )
  }
}

/** Analysing takes a second a run; what the run itself found is as good for a trend. */
function withSummary(result: Result): Result {
  const done = Object.values(result.modes).some(({ summary }) => Object.keys(summary).length > 0)
  return done ? result : analyse(result)
}
