import { dirname, join } from 'node:path'
import { makeFolder, writeAtomically } from '../../harness/result/folder.ts'
import type { Result } from '../../harness/result/schema.ts'
import { type Format, type RenderOptions, renderAll } from '../../reports/render.ts'

/** Renders an analysed result into a folder; gives back the paths. */
export async function writeDocuments(
  record: Result,
  folder: string,
  formats?: readonly Format[],
  options?: RenderOptions,
): Promise<string[]> {
  makeFolder(folder)
  const files = await renderAll(record, formats, options)
  return files.map(({ name, content }) => {
    const path = join(folder, name)
    if (name.includes('/')) makeFolder(dirname(path))
    writeAtomically(path, content)
    return path
  })
}
