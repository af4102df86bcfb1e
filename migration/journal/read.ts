import { readFile } from 'node:fs/promises'
import { MigrationError } from '../errors.ts'
import { type JournalEntry, journalEntrySchema } from './entry.ts'

export interface JournalText {
  readonly entries: readonly JournalEntry[]
  /** Bytes up to the end of the last whole line. What follows was being written when it all ended. */
  readonly wholeBytes: number
}

/** Nothing when there is no such file. */
export async function readJournal(path: string): Promise<JournalText> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { entries: [], wholeBytes: 0 }
    throw damaged(path, error instanceof Error ? error.message : String(error))
  }
  return parseJournal(bytes, path)
}

/**
 * Every entry is on disk before the next is written, so a crash can spoil the last line only: it may
 * lack its end, or be whole in length and hold anything.
 */
export function parseJournal(bytes: Buffer, path: string): JournalText {
  const entries: JournalEntry[] = []
  let begin = 0
  for (let number = 1; ; number += 1) {
    const end = bytes.indexOf(10, begin)
    if (end < 0) return { entries, wholeBytes: begin }
    const entry = parseLine(bytes.toString('utf8', begin, end))
    if ('fault' in entry) {
      if (end === bytes.length - 1) return { entries, wholeBytes: begin }
      throw damaged(path, `line ${number}: ${entry.fault}`)
    }
    entries.push(entry.value)
    begin = end + 1
  }
}

function parseLine(line: string): { readonly value: JournalEntry } | { readonly fault: string } {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return { fault: 'it is not JSON' }
  }
  const parsed = journalEntrySchema.safeParse(json)
  if (parsed.success) return { value: parsed.data }
  const [issue] = parsed.error.issues
  return { fault: `${issue?.path.join('.') || 'entry'}: ${issue?.message ?? 'unknown'}` }
}

function damaged(path: string, why: string): MigrationError {
  return new MigrationError(`the journal ${path} is damaged: ${why}`, {
    code: 'JOURNAL_DAMAGED',
    hint: 'Something else than meshbench has written to it. `meshbench migrate status` shows what the cluster says; take back by hand what is not to stay, then plan anew.',
    exitCode: 7,
  })
}
