import type { KubeObject } from '../../../cluster/objects.ts'
import { findWorkload } from '../../../harness/deploy/workload.ts'
import type { RehearsedNamespace } from '../../../harness/rehearsal/deploy.ts'
import { standIns } from '../../../harness/rehearsal/stand-ins.ts'
import { targetsOf } from '../../../harness/rehearsal/targets.ts'
import { type InventoryKind, inventoryKinds } from '../../../migration/inventory/kinds.ts'
import { sidecarHbone } from '../../../migration/inventory/sidecar-hbone.ts'
import { NotReadable, type Snapshot } from '../../../migration/inventory/snapshot.ts'
import type { Rehearsal } from '../../../migration/result/rehearsal.ts'
import type { RawRehearseOptions } from '../../commands/migrate/rehearse.ts'
import type { CommandContext } from '../../context.ts'
import { connect } from '../connect.ts'

export interface RehearsalSource {
  readonly rehearsed: RehearsedNamespace
  readonly source: Rehearsal['source']
}

const sidecars = { 'istio-injection': 'enabled' }

/** Where the namespace comes from: a workload of ours, exported files, or a cluster. */
export async function readSource(
  raw: RawRehearseOptions,
  namespace: string,
  context: CommandContext,
): Promise<RehearsalSource> {
  if (raw.workload !== undefined) {
    const workload = findWorkload(raw.workload)
    const objects = workload.manifests({ namespace }) as readonly KubeObject[]
    return {
      rehearsed: { namespace, labels: sidecars, objects, targets: targetsOf(objects, raw.entry) },
      source: {
        from: 'workload',
        name: raw.workload,
        replaced: [],
        leftOut: [...workload.warnings],
      },
    }
  }
  const { snapshot, from, name } = await readSnapshot(raw, namespace, context)
  const all = (Object.keys(inventoryKinds) as InventoryKind[]).flatMap((kind) =>
    itemsOf(snapshot, kind),
  )
  const { objects, replaced, leftOut } = standIns(all, namespace)
  const labels = itemsOf(snapshot, 'namespace').find(({ metadata }) => metadata.name === namespace)
    ?.metadata.labels
  return {
    rehearsed: {
      namespace,
      labels: labels ?? sidecars,
      objects,
      targets: targetsOf(objects, raw.entry),
      hbone: sidecarHbone(snapshot, namespace),
    },
    source: { from, name, replaced: [...replaced], leftOut: [...leftOut] },
  }
}

async function readSnapshot(
  raw: RawRehearseOptions,
  namespace: string,
  context: CommandContext,
): Promise<{ snapshot: Snapshot; from: 'files' | 'cluster'; name: string }> {
  const namespaces = [namespace]
  const { signal } = context
  if (raw.fromFiles !== undefined) {
    const { readFiles } = await import('../../../migration/inventory/read-files.ts')
    const snapshot = await readFiles(raw.fromFiles, { namespaces })
    return { snapshot, from: 'files', name: raw.fromFiles }
  }
  const { takeSnapshot } = await import('../../../migration/inventory/take-snapshot.ts')
  const client = await connect(raw)
  const snapshot = await takeSnapshot(client, { namespaces, signal })
  return { snapshot, from: 'cluster', name: raw.context ?? client.server }
}

/** What could not be read cannot be rehearsed; the plan on the real cluster says so. */
function itemsOf(snapshot: Snapshot, kind: InventoryKind): readonly KubeObject[] {
  try {
    return snapshot.items(kind)
  } catch (error) {
    if (error instanceof NotReadable) return []
    throw error
  }
}
