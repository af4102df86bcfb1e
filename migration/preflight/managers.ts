import { isObject, members } from '../../cluster/api/json.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'

const CHANGED = [
  meshLabels.injection,
  meshLabels.revision,
  meshLabels.dataplaneMode,
  meshLabels.useWaypoint,
]

/** People at a terminal, and ourselves: nobody who would change it back. */
const BY_HAND = /^(kubectl|meshbench|istioctl|k9s|Lens)/i

/** Who owns a label that the migration changes, by the managedFields of server-side apply. */
export function foreignManagers({ metadata }: KubeObject): readonly string[] {
  return members(metadata.managedFields).flatMap(({ manager, fieldsV1 }) => {
    const name = String(manager)
    if (BY_HAND.test(name)) return []
    const owned = isObject(fieldsV1) ? fieldsV1['f:metadata'] : undefined
    const labels = isObject(owned) && isObject(owned['f:labels']) ? owned['f:labels'] : {}
    const theirs = CHANGED.filter((label) => `f:${label}` in labels)
    return theirs.length === 0 ? [] : [`${name} (owns ${theirs.join(', ')})`]
  })
}

const MARKS: readonly (readonly [RegExp, string])[] = [
  [/^argocd\.argoproj\.io\//, 'Argo CD'],
  [/^(kustomize|helm)\.toolkit\.fluxcd\.io\//, 'Flux'],
  [/^meta\.helm\.sh\//, 'Helm'],
]

/** Tools that leave their name on what they apply, and apply it again. */
export function gitOpsMarks({ metadata }: KubeObject): readonly string[] {
  const keys = Object.keys({ ...metadata.labels, ...metadata.annotations })
  return MARKS.filter(([pattern]) => keys.some((key) => pattern.test(key))).map(([, name]) => name)
}
