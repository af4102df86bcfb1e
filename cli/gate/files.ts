import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder, writeAtomically } from '../../harness/result/folder.ts'
import { type Baseline, baselineFile } from '../../reports/gates/baseline.ts'
import { type GatesFile, gatesFile } from '../../reports/gates/rules.ts'
import { UsageError } from '../errors.ts'
import { parseYaml } from './yaml.ts'

export interface LoadedGates {
  readonly gates: GatesFile
  readonly lines: readonly number[]
}

export function readGates(file: string): LoadedGates {
  const parsed = parseYaml(file, readText(file, '--gates names a YAML file'), gatesFile)
  const lines = parsed.value.rules.map((_, index) => parsed.lineOf(['rules', index]) ?? 1)
  return { gates: parsed.value, lines }
}

/** Null where there is none yet: whether that matters depends on the rules. */
export function readBaseline(file: string): Baseline | null {
  if (!existsSync(file)) return null
  const text = readText(file, '--baseline names a file that --update-baseline wrote')
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw notBaseline(file, 'it is not JSON, or cut short')
  }
  const version = (data as { schemaVersion?: unknown } | null)?.schemaVersion
  if (typeof version === 'number' && version > 1) {
    throw notBaseline(file, `it has schema version ${version}, this meshbench knows 1`)
  }
  const checked = baselineFile.safeParse(data)
  if (checked.success) return checked.data
  const [first] = checked.error.issues
  throw notBaseline(file, `${first?.path.join('.') || 'the document'}: ${first?.message}`)
}

function notBaseline(file: string, why: string): UsageError {
  return new UsageError(
    `${file} is no baseline: ${why}`,
    'take it from version control again, or remove it and start anew with --update-baseline',
  )
}

export function writeBaseline(file: string, baseline: Baseline): void {
  makeFolder(dirname(file))
  // A list of windows per line: the file is for version control, and read in reviews.
  const text = JSON.stringify(baseline, null, 1).replaceAll(/\[[\s\d.,e+-]+\]/g, (list) =>
    list.replaceAll(/\s+/g, ''),
  )
  writeAtomically(file, `${text}\n`)
}

function readText(file: string, hint: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    throw new UsageError(`${file} ${what}`, hint)
  }
}
