import { readFileSync } from 'node:fs'
import type { Result } from '../harness/result/schema.ts'

/** What measured: its version, and the commit it was built from where git knew one. */
export function readTool(): Result['tool'] {
  const manifest = readText('../../package.json') ?? '{}'
  const { version } = JSON.parse(manifest) as { version: string }
  const commit = readText('../commit.txt')?.trim()
  return { name: 'meshbench', version, ...(commit && { commit }) }
}

/** By the place of this file in dist/. */
function readText(relative: string): string | undefined {
  try {
    return readFileSync(new URL(relative, import.meta.url), 'utf8')
  } catch {
    return undefined
  }
}
