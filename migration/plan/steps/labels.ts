import type { Call } from '../../result/plan.ts'

export type Labels = Readonly<Record<string, string>>

/** What becomes of labels: a value, or null for none. */
export type LabelChanges = Readonly<Record<string, string | null>>

export interface LabelPatch {
  /** Absent when there is nothing to change. */
  readonly call?: Call
  readonly labels: Labels
}

/**
 * One JSON patch that changes labels only if all labels are as the plan saw them: a comparison of the
 * whole map, since a `test` cannot say that a label must be absent (RFC 6902, 4.6).
 */
export function patchLabels(ref: Call['ref'], labels: Labels, wanted: LabelChanges): LabelPatch {
  const changes = Object.entries(wanted).filter(([key, value]) => (labels[key] ?? null) !== value)
  if (changes.length === 0) return { labels }
  const next = Object.fromEntries(
    Object.entries({ ...labels, ...Object.fromEntries(changes) }).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    ),
  )
  const bare = Object.keys(labels).length === 0
  const patch = bare
    ? [{ op: 'add' as const, path: '/metadata/labels', value: next }]
    : [
        { op: 'test' as const, path: '/metadata/labels', value: labels },
        ...changes.map(([key, value]) => {
          const path = `/metadata/labels/${pointer(key)}`
          if (value === null) return { op: 'remove' as const, path }
          return { op: key in labels ? ('replace' as const) : ('add' as const), path, value }
        }),
      ]
  return { call: { verb: 'patch', ref, patch }, labels: next }
}

/** A key within a JSON pointer (RFC 6901). */
export function pointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
