import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MigrationError } from '../errors.ts'
import type { JournalEntry } from './entry.ts'
import { readJournal } from './read.ts'

/** An entry without the time, which the journal adds. */
export type NewEntry = JournalEntry extends infer Entry
  ? Entry extends { readonly at: string }
    ? Omit<Entry, 'at'>
    : never
  : never

export interface Journal {
  readonly path: string
  /** All there is, what was written before included. */
  entries(): readonly JournalEntry[]
  /** Resolves when the entry has reached the disk. */
  write(entry: NewEntry): Promise<void>
  close(): Promise<void>
}

/** Opens or makes the journal. What a crash has left of a last line is cut off. */
export async function openJournal(path: string): Promise<Journal> {
  try {
    return await openAt(path)
  } catch (cause) {
    if (cause instanceof MigrationError) throw cause
    throw notWritable(path, cause)
  }
}

function notWritable(path: string, cause: unknown): MigrationError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new MigrationError(`the journal ${path} cannot be written: ${why}`, {
    code: 'JOURNAL_NOT_WRITABLE',
    hint: 'Nothing is changed without a journal: run in a folder you may write to, with room on its disk.',
    exitCode: 5,
    cause,
  })
}

async function openAt(path: string): Promise<Journal> {
  const directory = dirname(path)
  await mkdir(directory, { recursive: true })
  const { entries, wholeBytes } = await readJournal(path)
  const known = [...entries]
  let broken: unknown
  const file = await open(path, 'a')
  await file.truncate(wholeBytes)
  await file.sync()
  await syncDirectory(directory)
  await syncDirectory(dirname(directory))
  return {
    path,
    entries: () => known,
    write: async (entry) => {
      const whole = { at: new Date().toISOString(), ...entry } as JournalEntry
      // Half an entry may be there: another one behind it would be damage.
      if (broken !== undefined) throw notWritable(path, broken)
      try {
        await file.appendFile(`${JSON.stringify(whole)}\n`)
        await file.sync()
      } catch (error) {
        broken = error
        throw notWritable(path, error)
      }
      known.push(whole)
    },
    close: () => file.close(),
  }
}

/** So that a crash does not lose the file's name. Systems that cannot do it keep names by themselves. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r')
    await directory.sync().finally(() => directory.close())
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['EISDIR', 'EPERM', 'EINVAL', 'EACCES'].includes(code)) throw error
  }
}
