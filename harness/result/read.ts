import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { HarnessError, type HarnessErrorCode } from '../errors.ts'
import { resultFile } from './folder.ts'
import { type Result, result, schemaVersion } from './schema.ts'

const shownIssues = 3

/** Reads a result by its file or its run folder. */
export function readResult(path: string): Result {
  const file = locate(path)
  const text = readText(file)
  const data = parse(file, text)
  const version = (data as { schemaVersion?: unknown } | null)?.schemaVersion
  if (typeof version === 'number' && version > schemaVersion) {
    throw refuse(
      'result-newer',
      `${file} has schema version ${version}, this is ${schemaVersion}`,
      {
        hint: 'it was written by a newer meshbench: update this one',
      },
    )
  }
  const checked = result.safeParse(data)
  if (checked.success) return checked.data
  const issues = checked.error.issues.map(
    ({ path: at, message }) => `${at.length > 0 ? at.join('.') : 'the document'}: ${message}`,
  )
  const more = issues.length > shownIssues ? `; and ${issues.length - shownIssues} more` : ''
  throw refuse(
    'result-invalid',
    `${file} is no meshbench result: ${issues.slice(0, shownIssues).join('; ')}${more}`,
    { hint: `name the ${resultFile} that a run wrote, unedited` },
  )
}

function locate(path: string): string {
  try {
    return statSync(path).isDirectory() ? join(path, resultFile) : path
  } catch {
    return path
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    throw refuse('result-unreadable', `${file} ${what}`, {
      hint: `name a run folder or its ${resultFile}, for example .meshbench/latest`,
      cause,
    })
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const whole = text.trim()
    const cut = whole === '' || (whole.startsWith('{') && !whole.endsWith('}'))
    throw refuse(
      cut ? 'result-truncated' : 'result-invalid',
      cut ? `${file} ends in the middle` : `${file} is not JSON: ${(cause as Error).message}`,
      {
        hint: cut
          ? 'copy it again, or repeat the run'
          : `name the ${resultFile} that a run wrote, or its folder`,
        cause,
      },
    )
  }
}

function refuse(
  code: HarnessErrorCode,
  message: string,
  { hint, cause }: { hint: string; cause?: unknown },
): HarnessError {
  return new HarnessError(code, message, { hint, exitCode: 2, cause })
}
