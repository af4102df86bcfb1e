import { isObject, type JsonObject } from '../../cluster/api/json.ts'
import { KINDS } from '../../cluster/api/kinds.ts'
import { nearest } from '../../cluster/nearest.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { MigrationError } from '../errors.ts'
import { type InventoryKind, inventoryKinds } from './kinds.ts'
import { manifestFiles } from './manifest-files.ts'
import { type FoundObject, parseManifests } from './manifests.ts'
import { configuration, withManagers } from './project.ts'
import { rootNamespaceOf } from './root-namespace.ts'
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

function problemOf({ apiVersion, kind, metadata }: JsonObject): string | undefined {
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    return 'no Kubernetes object: it has no apiVersion and kind'
  }
  if (!isObject(metadata) || typeof metadata.name !== 'string') {
    return `${kind} without metadata.name`
  }
  return undefined
}

const byGroupAndKind = new Map(
  Object.entries(inventoryKinds).map(([name, { apiVersion, kind }]) => [
    `${groupOf(apiVersion)}/${kind}`,
    name as InventoryKind,
  ]),
)

/** Whatever the version: Istio and the Gateway API kept the fields we read when they went to v1. */
function inventoryKind({ apiVersion, kind }: KubeObject): InventoryKind | undefined {
  return byGroupAndKind.get(`${groupOf(apiVersion)}/${kind}`)
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
}

/** Kubernetes' own kinds that no check asks for are passed over in silence. */
function isForeign(apiVersion: string): boolean {
  const group = groupOf(apiVersion)
  return group.includes('.') && !group.endsWith('.k8s.io')
}

function unknownKind({ apiVersion, kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name} of ${groupOf(apiVersion)} is unknown: skipped, with any pods it makes`
}

const clusterScoped = new Set<InventoryKind>([
  ...Object.entries(inventoryKinds).flatMap(([name, { apiVersion, kind }]) =>
    KINDS.some((one) => one.apiVersion === apiVersion && one.kind === kind && !one.namespaced)
      ? [name as InventoryKind]
      : [],
  ),
  'ciliumClusterwideNetworkPolicy',
  'felixConfiguration',
  'openShiftNetwork',
])

function isNamespaced(kind: InventoryKind): boolean {
  return !clusterScoped.has(kind)
}

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
