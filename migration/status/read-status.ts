import type { ClusterClient } from '../../cluster/client/types.ts'
import { kinds, type Namespace } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { clusterId } from '../execute/cluster-id.ts'
import { checkNamespaces } from '../inventory/target-namespaces.ts'
import { listMigrations } from '../journal/folder.ts'
import type { MigrationStatus } from '../result/status.ts'
import { podsIn, takesOverLive } from '../verify/pods.ts'
import { namespaceStatus } from './namespace-status.ts'

export interface StatusOptions {
  /** All with anything to do with the mesh when empty. */
  readonly namespaces: readonly string[]
  /** `.meshbench/migrations`; there need be nothing in it. */
  readonly journalDirectory: string
}

export async function readStatus(
  client: ClusterClient,
  { namespaces: asked, journalDirectory }: StatusOptions,
): Promise<MigrationStatus> {
  const damaged: string[] = []
  const [all, liveTakeover, cluster, migrations] = await Promise.all([
    client.list<Namespace>(kinds.namespace),
    takesOverLive(client),
    clusterId(client),
    listMigrations(journalDirectory, (message) => damaged.push(message)),
  ])
  checkNamespaces(asked, { items: all })
  const here = migrations.filter(
    ({ state }) => !state.cluster || !cluster || state.cluster === cluster,
  )
  const wanted = all.filter(({ metadata }) =>
    asked.length > 0 ? asked.includes(metadata.name) : isInMesh(metadata.labels ?? {}),
  )
  const nowMs = Date.now()
  const reports: MigrationStatus['namespaces'] = []
  for (const namespace of wanted) {
    const { pods } = await podsIn(client, namespace.metadata.name)
    const migration = here.find(({ state }) => state.namespaces.includes(namespace.metadata.name))
    reports.push(namespaceStatus({ namespace, pods, liveTakeover, migration, nowMs }))
  }
  return {
    server: client.server,
    takenAt: new Date(nowMs).toISOString(),
    namespaces: reports,
    damaged,
  }
}

function isInMesh(labels: Readonly<Record<string, string>>): boolean {
  return [meshLabels.injection, meshLabels.revision, meshLabels.dataplaneMode].some(
    (key) => labels[key] !== undefined && labels[key] !== 'disabled',
  )
}
