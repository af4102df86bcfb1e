import type { ClusterClient } from '../../cluster/client/types.ts'
import type { Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { inParallel } from './in-parallel.ts'
import { type InventoryKind, inventoryKinds } from './kinds.ts'
import { readAccess } from './read-access.ts'
import { type Calls, readCalls } from './read-calls.ts'
import { type Configuration, readConfiguration } from './read-configuration.ts'
import { itemsOf, type ReadOutcome, tried } from './read-outcome.ts'
import { type Reading, readings } from './readings.ts'
import { rootNamespaceOf } from './root-namespace.ts'
import { type ConfigMap, NotReadable, type Probes, type Snapshot } from './snapshot.ts'
import { checkNamespaces } from './target-namespaces.ts'

const WIDTH = 6

export interface TakeSnapshotOptions {
  /** To migrate. */
  readonly namespaces: readonly string[]
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ReadProgress) => void
}

export interface ReadProgress {
  /** `pods`, `callers`: what has just been read. */
  readonly what: string
  readonly objects: number
}

/** Reads all that a plan follows from: lists of kinds in parallel, page by page, then the proxies' counters. */
export async function takeSnapshot(
  client: ClusterClient,
  options: TakeSnapshotOptions,
): Promise<Snapshot> {
  const { namespaces, signal, onProgress = () => undefined } = options
  const takenAt = new Date().toISOString()
  const version = await client.version()
  const lists = new Map<InventoryKind, ReadOutcome>()
  const read = async (reading: Reading): Promise<void> => {
    const outcome = await readKind(client, reading, namespaces, signal)
    lists.set(reading.kind, outcome)
    const objects = 'items' in outcome ? outcome.items.length : 0
    const { kind } = inventoryKinds[reading.kind]
    onProgress({ what: `${kind.replace(/y$/, 'ie').replace(/s$/, 'se')}s`, objects })
  }
  // At once, so that a typing error does not cost the time of a whole cluster.
  const first = readings.find(({ kind }) => kind === 'namespace') as Reading
  await read(first)
  checkNamespaces(namespaces, lists.get('namespace'))
  await inParallel(
    readings.filter((reading) => reading !== first),
    WIDTH,
    read,
    signal,
  )

  const deployments = lists.get('deployment')
  const rootNamespace = rootNamespaceOf(
    deployments !== undefined && 'items' in deployments ? deployments.items : [],
  )
  const configuration = await readConfiguration(client, rootNamespace, signal)
  lists.set('configMap', withDashboards(configuration))
  lists.set('secret', configuration.secrets)
  lists.set('customResourceDefinition', configuration.definitions)
  const allowed = await readAccess(client, { namespaces, rootNamespace }, signal)
  const calls = await readCallsOf(client, namespaces, lists.get('pod'), signal)
  onProgress({ what: 'callers', objects: namespaces.length })

  return {
    source: {
      from: 'cluster',
      server: client.server,
      version: version.gitVersion,
      embedded: version.embedded,
    },
    takenAt,
    namespaces,
    rootNamespace,
    items: <T extends KubeObject>(kind: InventoryKind) => itemsOf(lists.get(kind)) as readonly T[],
    probes: probesOf(allowed, calls, rootNamespace, configuration),
  }
}

async function readKind(
  client: ClusterClient,
  { kind, where, keep, optional }: Reading,
  namespaces: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadOutcome> {
  const targets = new Set(namespaces)
  const kept = (object: KubeObject): KubeObject | undefined => {
    const { namespace, name } = object.metadata
    return keep(object, targets.has(namespace ?? (kind === 'namespace' ? name : '')))
  }
  const ref = inventoryKinds[kind]
  const places = where === 'targets' && namespaces.length <= TARGETS_ONE_BY_ONE ? namespaces : ['']
  const outcome = await tried(`list ${ref.kind} objects of all namespaces`, async () => {
    const lists = await inParallel(places, WIDTH, (namespace) =>
      client.listEach<KubeObject, KubeObject>(
        ref,
        namespace === '' ? {} : { namespace },
        (object) => {
          const { namespace = '' } = object.metadata
          return where === 'targets' && !targets.has(namespace) ? undefined : kept(object)
        },
        signal,
      ),
    )
    return lists.flat()
  })
  return 'why' in outcome && outcome.missingKind && optional ? { items: [] } : outcome
}

/** From here on one list of all is cheaper. */
const TARGETS_ONE_BY_ONE = 20

/** Dashboards are extra: where they may not be read, the mesh's own configuration still is. */
function withDashboards({ configMaps, dashboards }: Configuration): ReadOutcome {
  if ('why' in configMaps || 'why' in dashboards) return configMaps
  return { items: [...configMaps.items, ...dashboards.items] }
}

async function readCallsOf(
  client: ClusterClient,
  namespaces: readonly string[],
  pods: ReadOutcome | undefined,
  signal: AbortSignal | undefined,
): Promise<(namespace: string) => Calls> {
  if (pods === undefined || 'why' in pods) {
    return () => {
      throw new NotReadable('no permission to list pods, so that nobody knows the proxies')
    }
  }
  return readCalls(client, namespaces, pods.items as readonly Pod[], signal)
}

function probesOf(
  allowed: Probes['allowed'],
  calls: (namespace: string) => Calls,
  rootNamespace: string,
  { named, configMaps, dashboards }: Configuration,
): Probes {
  return {
    allowed,
    callers: (namespace) => calls(namespace).callers,
    callees: (namespace) => calls(namespace).callees,
    callersBasis: (namespace) => calls(namespace).basis,
    configMap: (namespace, name) => {
      const known =
        named.get(`${namespace}/${name}`) ?? (namespace === rootNamespace ? configMaps : undefined)
      if (known === undefined) {
        throw new NotReadable(`ConfigMap ${namespace}/${name} lies where no configuration is read`)
      }
      return itemsOf(known).find(
        (one) => one.metadata.name === name && one.metadata.namespace === namespace,
      ) as ConfigMap | undefined
    },
    dashboards: () => itemsOf(dashboards) as readonly ConfigMap[],
  }
}
