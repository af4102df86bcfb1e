import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { HarnessError } from '../errors.ts'

export interface RunFolder {
  readonly runId: string
  readonly path: string
}

export const resultFile = 'result.json'
/** Points at the newest run folder, so that scripts need not parse output. */
const latestLink = 'latest'

/** Makes `<out>/<run id>/`; the id is the time in UTC, with a counter when two runs share a second. */
export function createRunFolder(out: string, nowMs: number): RunFolder {
  const base = new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '-')
  try {
    makeWithParents(resolve(out))
    for (let attempt = 1; ; attempt++) {
      const runId = attempt === 1 ? base : `${base}-${attempt}`
      const path = resolve(out, runId)
      if (!claim(path)) continue
      mkdirSync(join(path, 'logs'))
      return { runId, path }
    }
  } catch (error) {
    throw unwritable(out, error)
  }
}

export function makeFolder(path: string): void {
  try {
    makeWithParents(resolve(path))
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** Not mkdir's `recursive`: node 20 never returns from it below /proc, where parents cannot be made. */
function makeWithParents(path: string): void {
  if (existsSync(path)) return
  makeWithParents(dirname(path))
  claim(path)
}

/** mkdir either makes the folder or finds it taken, also between two processes. */
function claim(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

export function pointLatestAt({ path, runId }: RunFolder): void {
  const link = join(path, '..', latestLink)
  const temporary = `${link}.${process.pid}`
  try {
    symlinkSync(runId, temporary, 'dir')
    renameSync(temporary, link)
  } catch {
    // Convenience only: some file systems have no links.
  }
}

/** A reader sees the old content or the new, never half of it, whenever the writer dies. */
export function writeAtomically(path: string, content: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = openSync(temporary, 'w')
    try {
      // Until all is written: a single write may take a part only, when the disk is nearly full.
      writeFileSync(file, content)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    try {
      unlinkSync(temporary)
    } catch {
      // It may never have been made.
    }
    throw unwritable(path, error)
  }
}

function unwritable(path: string, cause: unknown): HarnessError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  if (reason === 'ENOSPC' || reason === 'EDQUOT') {
    return new HarnessError('output-unwritable', `no space left to write ${path} (${reason})`, {
      hint: 'free some space, or name a folder on another disk with --out DIR',
      exitCode: 5,
      cause,
    })
  }
  return new HarnessError('output-unwritable', `cannot write to ${path} (${reason})`, {
    hint: 'name a folder you may write to with --out DIR',
    exitCode: 2,
    cause,
  })
}
