import { type StatusCause, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { clone, sameJson } from './json.ts'
import type { KindDefinition } from './kind-table.ts'
import { type ManagedFields, managedFieldsOf } from './managed-fields.ts'
import { type FieldSet, fieldsOf, isWhole } from './patch/field-set.ts'
import { conflictingFields, prune, withoutFields } from './patch/ownership.ts'
import { strategicMerge } from './patch/strategic-merge.ts'

export interface ApplyOptions {
  readonly kind: KindDefinition
  readonly fieldManager: string
  /** Take over fields that other managers applied with other values. */
  readonly force: boolean
  readonly now: Date
}

/**
 * Server-side apply: what the manager sends is merged over what is stored, what it sent before and no
 * longer sends goes, and a field that another manager set to another value is a conflict.
 */
export function applyObject(
  current: Readonly<KubeObject> | undefined,
  applied: KubeObject,
  options: ApplyOptions,
): KubeObject {
  const { fieldManager } = options
  if (applied.metadata.managedFields?.length) {
    throw statusError('BadRequest', 'metadata.managedFields must be nil')
  }
  const managed = managedFieldsOf(current)
  const isOurs = ({ manager, operation }: ManagedFields) =>
    manager === fieldManager && operation === 'Apply'
  const before = managed.find(isOurs)
  const fields = fieldsOf(applied)
  const others = overrule(
    managed.filter((entry) => !isOurs(entry)),
    fields,
    applied,
    current,
    options,
  )
  const merged = (
    current === undefined ? clone(applied) : strategicMerge(current, applied)
  ) as KubeObject
  if (before !== undefined) {
    prune(merged, before.fieldsV1, [fields, ...others.map(({ fieldsV1 }) => fieldsV1)])
  }
  const unchanged = before !== undefined && sameJson(before.fieldsV1, fields)
  const ours: ManagedFields = {
    manager: fieldManager,
    operation: 'Apply',
    apiVersion: applied.apiVersion,
    // A repeated apply is no change, so it must not look like one.
    time: unchanged ? before.time : `${options.now.toISOString().slice(0, 19)}Z`,
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
  }
  merged.metadata.managedFields = [...others, ours]
  return merged
}

function overrule(
  others: readonly ManagedFields[],
  fields: FieldSet,
  applied: KubeObject,
  current: Readonly<KubeObject> | undefined,
  { kind, force }: ApplyOptions,
): ManagedFields[] {
  const conflicts = others.map((entry) => ({
    entry,
    paths: conflictingFields(fields, entry.fieldsV1, applied, current),
  }))
  const causes = conflicts.flatMap(({ entry, paths }) =>
    paths.map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${title(entry)}`,
      field,
    })),
  )
  if (causes.length === 0) return [...others]
  if (!force) {
    const details = { name: applied.metadata.name, kind: kind.plural, causes }
    throw statusError('Conflict', conflictMessage(causes), details)
  }
  return conflicts
    .map(({ entry, paths }) =>
      paths.length === 0 ? entry : { ...entry, fieldsV1: withoutFields(entry.fieldsV1, fields) },
    )
    .filter(({ fieldsV1 }) => !isWhole(fieldsV1))
}

function title({ manager, operation, apiVersion, subresource }: ManagedFields): string {
  const who = JSON.stringify(manager) + (subresource ? ` with subresource "${subresource}"` : '')
  return operation === 'Update' ? `${who} using ${apiVersion}` : who
}

/** Worded as in Kubernetes: `kubectl` shows it as it is. */
function conflictMessage(causes: readonly StatusCause[]): string {
  const [first, ...more] = causes
  if (more.length === 0) {
    return `Apply failed with 1 conflict: ${first?.message}: ${first?.field}`
  }
  const whos = [...new Set(causes.map(({ message }) => message))].sort()
  const parts = whos.map((who) => {
    const paths = causes.filter(({ message }) => message === who).map(({ field }) => `- ${field}`)
    return `${who.replace('conflict ', 'conflicts ')}:\n${paths.join('\n')}`
  })
  return `Apply failed with ${causes.length} conflicts: ${parts.join('\n')}`
}
