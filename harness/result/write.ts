import { join } from 'node:path'
import { resultFile, writeAtomically } from './folder.ts'
import { type Result, result } from './schema.ts'

/** Checked before it is written: a file we could not read back is worth nothing. */
export function writeResult(folder: string, record: Result): string {
  const path = join(folder, resultFile)
  writeAtomically(path, `${JSON.stringify(result.parse(record), null, 2)}\n`)
  return path
}
