import { createHash } from 'node:crypto'
import type { Workload } from '../deploy/workload.ts'
import type { RunOptions } from '../result/schema.ts'

/**
 * The same for two runs that were asked for the same: settings without the seed and the words of the
 * command line, and the objects of the workload, since a file may change under its name.
 */
export function configHash(options: RunOptions, workload: Workload): string {
  const { command: _, seed: __, ...settings } = options
  const objects = workload.manifests({ namespace: 'any' })
  const text = JSON.stringify([Object.entries(settings).sort(), workload.entry, objects])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
