import { lstat, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { MigrationError } from '../errors.ts'
import type { FileFault } from './snapshot.ts'

const MANIFEST = /\.(ya?ml|json)$/i
/** Reading stops being useful long before that; `kubectl get -A -o yaml` of a big cluster is below it. */
const FILE_MAX_BYTES = 64 * 1024 * 1024
const TOTAL_MAX_BYTES = 512 * 1024 * 1024
const FILES_MAX = 20_000

export interface ManifestFile {
  /** Below the directory. */
  readonly file: string
  readonly text: string
}

/** Every manifest below a directory, in the order of their names. Links are not followed, hidden folders skipped. */
export async function* manifestFiles(
  directory: string,
  onFault: (fault: FileFault) => void,
  signal?: AbortSignal,
): AsyncGenerator<ManifestFile> {
  let files = 0
  let bytes = 0
  for await (const path of walk(directory)) {
    signal?.throwIfAborted()
    const file = relative(directory, path)
    const skip = (message: string): void => onFault({ file, line: 1, message })
    const { size } = await lstat(path)
    if (size > FILE_MAX_BYTES) {
      skip(`it is ${mebibytes(size)} long, more than ${mebibytes(FILE_MAX_BYTES)}: skipped`)
      continue
    }
    files += 1
    bytes += size
    if (files > FILES_MAX || bytes > TOTAL_MAX_BYTES) {
      skip(
        `this and all later files are skipped: more than ${FILES_MAX} files or ${mebibytes(TOTAL_MAX_BYTES)}`,
      )
      return
    }
    try {
      yield { file, text: await readFile(path, 'utf8') }
    } catch (error) {
      skip(`it cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

async function* walk(directory: string, isTop = true): AsyncGenerator<string> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    if (!isTop) return []
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MigrationError(`The manifests cannot be read: ${why}`, {
      code: 'MIGRATION_FILES',
      hint: 'Name a directory with exported YAML or JSON: --from-files DIR',
      exitCode: 2,
      cause,
    })
  })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name)
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    if (entry.isDirectory()) yield* walk(path, false)
    else if (entry.isFile() && MANIFEST.test(entry.name)) yield path
  }
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`
