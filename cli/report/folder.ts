import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Where documents of a result belong, whether the folder or the file was named. */
export function folderOf(source: string): string {
  return statSync(source).isDirectory() ? source : dirname(source)
}
