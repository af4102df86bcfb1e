import { nearest } from '../../cluster/nearest.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { MigrationError } from '../errors.ts'
import {
  inventoryKind,
  isForeign,
  isNamespaced,
  missingPart,
  problemOf,
  unknownKind,
} from './file-objects.ts'
import { type InventoryKind, inventoryKinds } from './kinds.ts'
import { manifestFiles } from './manifest-files.ts'
import { type FoundObject, parseManifests } from './manifests.ts'
import { configuration, withManagers } from './project.ts'
import { rootNamespaceOf } from './root-namespace.ts'
import { misshapenPart } from './shapes.ts'
import { type ConfigMap, type FileFault, NotReadable, type Snapshot } from './snapshot.ts'

export interface ReadFilesOptions {
  /** To migrate. */
  readonly namespaces: readonly string[]
  readonly signal?: AbortSignal
}

/** A snapshot of exported manifests: what a review or a build knows without a cluster. */
export async function readFiles(directory: string, options: ReadFilesOptions): Promise<Snapshot> {
  const { namespaces, signal } = options
  const faults: FileFault[] = []
  const lists = new Map<InventoryKind, Map<string, KubeObject>>()
  const fault = ({ file, line }: FoundObject, message: string): void => {
    faults.push({ file, line, message })
  }
  for await (const { file, text } of manifestFiles(directory, (one) => faults.push(one), signal)) {
    const parsed = parseManifests(file, text)
    faults.push(...parsed.faults)
    for (const found of parsed.objects) add(found)
  }

  function add(found: FoundObject): void {
    const problem = problemOf(found.value)
    if (problem !== undefined) {
      fault(found, problem)
      return
    }
    const object = found.value as unknown as KubeObject
    const kind = inventoryKind(object)
    if (kind === undefined) {
      if (isForeign(object.apiVersion)) fault(found, unknownKind(object))
      return
    }
    const missing = missingPart(kind, object)
    if (missing !== undefined) {
      fault(found, `${object.kind} ${object.metadata.name} without ${missing}: skipped`)
      return
    }
    const misshapen = misshapenPart(kind, object)
    if (misshapen !== undefined) {
      fault(found, `${object.kind} ${object.metadata.name}: ${misshapen}: skipped`)
      return
    }
    const { apiVersion } = inventoryKinds[kind]
    const metadata = { ...object.metadata }
    if (isNamespaced(kind)) {
      metadata.namespace ??= namespaceFor(found)
    } else {
      delete metadata.namespace
    }
    const placed = { ...object, apiVersion, metadata }
    const list = lists.get(kind) ?? new Map<string, KubeObject>()
    lists.set(kind, list)
    const key = `${metadata.namespace ?? ''}/${metadata.name}`
    if (list.has(key)) fault(found, `${object.kind} ${key} is here twice; this one counts`)
    list.set(key, kind === 'namespace' ? withManagers(placed) : placed)
  }

  function namespaceFor(found: FoundObject): string {
    const [only = 'default', ...others] = namespaces
    const namespace = others.length === 0 ? only : 'default'
    fault(found, `it names no namespace, and is taken to be in ${namespace}`)
    return namespace
  }

  const all = (kind: InventoryKind): readonly KubeObject[] => [...(lists.get(kind)?.values() ?? [])]
  const assumed = assumeNamespaces(namespaces, lists)
  const rootNamespace = rootNamespaceOf(all('deployment'), all('configMap'))
  const unknown = (what: string) => (): never => {
    throw new NotReadable(`files do not tell ${what}`)
  }
  return {
    source: { from: 'files', directory, faults, assumed },
    takenAt: new Date().toISOString(),
    namespaces,
    rootNamespace,
    items: <T extends KubeObject>(kind: InventoryKind) => {
      const items = all(kind)
      if (items.length === 0 && TOLD_BY_PRESENCE.includes(kind)) {
        throw new NotReadable(`the files hold no ${inventoryKinds[kind].kind}`)
      }
      return (kind === 'configMap' ? items.map(trimmed) : items) as readonly T[]
    },
    probes: {
      allowed: unknown('what is allowed'),
      callers: unknown('who calls'),
      callees: unknown('who is called'),
      callersBasis: unknown('who calls'),
      dashboards: () => {
        const dashboards = all('configMap').filter(
          ({ metadata }) => metadata.labels?.grafana_dashboard !== undefined,
        )
        if (dashboards.length === 0) throw new NotReadable('the files hold no dashboards')
        return dashboards as readonly ConfigMap[]
      },
      configMap: (namespace, name) => {
        const found = lists.get('configMap')?.get(`${namespace}/${name}`)
        if (found === undefined) {
          throw new NotReadable(`the files do not hold ConfigMap ${namespace}/${name}`)
        }
        return found as ConfigMap
      },
    },
  }
}

/**
 * An export of a namespace has none of these because nobody exported them, which says nothing about
 * the cluster; of other kinds it is taken to have them all.
 */
const TOLD_BY_PRESENCE: readonly InventoryKind[] = [
  'node',
  'pod',
  'configMap',
  'secret',
  'mutatingWebhook',
  'customResourceDefinition',
  'gatewayClass',
  'felixConfiguration',
  'openShiftNetwork',
]

const trimmed = (object: KubeObject): KubeObject => configuration(object) ?? object

/** Exports seldom hold the Namespace itself: then it is taken to be what is usually migrated. */
function assumeNamespaces(
  namespaces: readonly string[],
  lists: Map<InventoryKind, Map<string, KubeObject>>,
): readonly string[] {
  const named = new Set(
    [...lists.values()].flatMap((list) =>
      [...list.values()].map(({ metadata }) => metadata.namespace ?? ''),
    ),
  )
  const present = lists.get('namespace') ?? new Map<string, KubeObject>()
  lists.set('namespace', present)
  return namespaces.flatMap((name) => {
    if (present.has(`/${name}`)) return []
    if (!named.has(name)) throw nothingOf(name, [...named, ...present.keys()])
    const labels = { 'istio-injection': 'enabled' }
    const metadata = { name, labels }
    present.set(`/${name}`, { ...inventoryKinds.namespace, metadata })
    return [`the files do not hold Namespace ${name}: taken to have istio-injection=enabled`]
  })
}

function nothingOf(name: string, named: readonly string[]): MigrationError {
  const known = [...new Set(named.map((one) => one.replace('/', '')))].filter((one) => one !== '')
  const meant = nearest(name, known)
  return new MigrationError(`The files hold nothing of namespace ${name}`, {
    code: 'MIGRATION_NAMESPACE',
    hint:
      meant === undefined
        ? `They hold objects of ${known.join(', ') || 'no namespace'}.`
        : `Did you mean ${meant}?`,
    exitCode: 2,
  })
}
