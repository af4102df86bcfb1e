import { meshLabels } from '../../cluster/mesh-labels.ts'
import { type ControlPlane, controlPlanes } from '../inventory/mesh.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import type { CheckContext } from './check.ts'
import { labelsOfNamespace } from './targets.ts'

/** The revision a namespace follows: its label, which may be a tag, else `default`. Undefined for an unknown tag. */
export function revisionOf({ snapshot }: CheckContext, namespace: string): string | undefined {
  const asked = labelsOfNamespace(snapshot, namespace)[meshLabels.revision] ?? 'default'
  const known = controlPlanes(snapshot).map(({ revision }) => revision)
  if (known.includes(asked)) return asked
  return tags({ snapshot }).get(asked)
}

/** Tag to revision, as `istioctl tag` leaves them: labels of a webhook, since 1.28 of a Service too. */
function tags({ snapshot }: Pick<CheckContext, 'snapshot'>): ReadonlyMap<string, string> {
  const kinds = ['mutatingWebhook', 'service'] as const
  const objects = kinds.flatMap((kind) => {
    try {
      return snapshot.items(kind)
    } catch (error) {
      if (error instanceof NotReadable) return []
      throw error
    }
  })
  return new Map(
    objects.flatMap(({ metadata }) => {
      const tag = metadata.labels?.['istio.io/tag']
      const revision = metadata.labels?.[meshLabels.revision]
      return tag && revision ? [[tag, revision] as const] : []
    }),
  )
}

/** Those that serve the namespaces to migrate; all of them where nobody can tell which do. */
export function servingControlPlanes(context: CheckContext): readonly ControlPlane[] {
  const all = controlPlanes(context.snapshot)
  const wanted = context.intent.options.namespaces.map((name) => revisionOf(context, name))
  const serving = all.filter(({ revision }) => wanted.includes(revision))
  return serving.length > 0 ? serving : all
}
