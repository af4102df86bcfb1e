import { readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { NoEntryError, UnknownTopologyError, WorkloadFileError } from './errors.ts'
import { parseFile } from './files/kube-objects.ts'
import { readManifests } from './files/manifests-file.ts'
import { isGraph, readGraph } from './isotope/read-graph.ts'
import { nearest } from './nearest.ts'
import { topologies } from './topologies/catalogue.ts'
import { topologyWorkload, type Workload } from './workload.ts'

export interface FindOptions {
  /** The service the load goes to, where the workload leaves it open or others are to be tried. */
  readonly entry?: string
}

/** From dist/workloads/ to the manifests, which travel beside dist/. */
const shopFile = join(import.meta.dirname, '../../workloads/shop/shop.yaml')

export const workloadNames: readonly string[] = [...topologies.map(({ name }) => name), 'shop']

/**
 * A workload by its name, or from a YAML file: Kubernetes manifests or an isotope service graph. Throws
 * an error that says what is there or what in the file is wrong.
 */
export function findWorkload(nameOrFile: string, { entry }: FindOptions = {}): Workload {
  const topology = topologies.find(({ name }) => name === nameOrFile)
  if (topology !== undefined) {
    const names = topology.services.map(({ name }) => name)
    if (entry !== undefined && !names.includes(entry)) {
      const hint = `its services: ${names.join(', ')}`
      throw new NoEntryError(`${nameOrFile} has no service named "${entry}"`, hint)
    }
    return topologyWorkload({ ...topology, entry: entry ?? topology.entry })
  }
  if (nameOrFile === 'shop') return readWorkload('shop', shopFile, entry)
  if (/[/\\]|\.(ya?ml|json)$/i.test(nameOrFile)) {
    return readWorkload(basename(nameOrFile, extname(nameOrFile)), nameOrFile, entry)
  }
  throw new UnknownTopologyError(nameOrFile, workloadNames, nearest(nameOrFile, workloadNames))
}

function readWorkload(name: string, file: string, entry: string | undefined): Workload {
  const parsed = parseFile(file, read(file))
  const { objects, problems } = parsed
  const [first, second] = objects
  if (first === undefined || !isGraph(first)) return readManifests(name, parsed, entry)
  if (second !== undefined) problems.fault(second.node, 'a service graph is one document')
  return topologyWorkload(readGraph(name, first, problems, entry), problems.warnings)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new WorkloadFileError(
      code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read (${code})`,
      `name a YAML file, or one of ${workloadNames.join(', ')}`,
      cause,
    )
  }
}
