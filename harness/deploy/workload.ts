import { type FindOptions, findWorkload as find } from '../../workloads/find-workload.ts'
import { type Manifest, podCount, type Workload } from '../../workloads/workload.ts'
import { HarnessError } from '../errors.ts'
import type { RunOptions } from '../result/schema.ts'
import { generatorName, waypointName } from './names.ts'

export { podCount, type Workload }

/** Objects of these names come from the harness, in the same namespace. */
const reserved = [generatorName, waypointName]

/** Throws when there is no such workload or its file is wrong, saying what there is. */
export function findWorkload(nameOrFile: string, options: FindOptions = {}): Workload {
  const workload = find(nameOrFile, options)
  const names = workload.manifests({ namespace: 'any' }).map(({ metadata }) => metadata.name)
  const clash = reserved.find((name) => names.includes(name))
  if (clash === undefined) return workload
  throw new HarnessError('unknown-workload', `${nameOrFile} has an object named "${clash}"`, {
    hint: `call it something else: meshbench puts a "${clash}" of its own into the namespace`,
    exitCode: 2,
  })
}

/** A workload's objects, every pod on one node. */
export function workloadManifests(
  workload: Workload,
  place: { readonly namespace: string; readonly node?: string },
  { replicas, responseBytes }: Pick<RunOptions, 'replicas' | 'responseBytes'>,
): Manifest[] {
  return workload.manifests({
    namespace: place.namespace,
    ...(replicas === null ? {} : { replicas }),
    ...(responseBytes === null ? {} : { responseBytes }),
    ...(place.node === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': place.node } }),
  })
}
