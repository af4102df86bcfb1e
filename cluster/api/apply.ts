import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { clone, isObject, sameJson } from './json.ts'
import type { KindDefinition } from './kind-table.ts'
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

interface ManagedFields {
  readonly manager: string
  readonly operation: string
  readonly apiVersion: string
  readonly time: string
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1: FieldSet
}

/**
 * Server-side apply: what the manager sends is merged over what is stored, what it sent before and no
 * longer sends goes, and a field that another manager applied with another value is a conflict.
 * Managers that update or patch instead of applying own nothing here, unlike in Kubernetes.
 */
export function applyObject(
  current: Readonly<KubeObject> | undefined,
  applied: KubeObject,
  options: ApplyOptions,
): KubeObject {
  const { fieldManager } = options
  if (fieldManager === '') {
    const message = 'fieldManager: Required value: is required for apply patch'
    throw statusError('BadRequest', message)
  }
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
      message: `conflict with "${entry.manager}"`,
      field,
    })),
  )
  if (causes.length === 0) return [...others]
  if (!force) {
    const who = causes.map(({ message, field }) => `${message}: ${field}`).join(', ')
    const message = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${who}`
    throw statusError('Conflict', message, {
      name: applied.metadata.name,
      kind: kind.plural,
      causes,
    })
  }
  return conflicts
    .map(({ entry, paths }) =>
      paths.length === 0 ? entry : { ...entry, fieldsV1: withoutFields(entry.fieldsV1, fields) },
    )
    .filter(({ fieldsV1 }) => !isWhole(fieldsV1))
}

function managedFieldsOf(current: Readonly<KubeObject> | undefined): ManagedFields[] {
  const entries: unknown[] = current?.metadata.managedFields ?? []
  return entries.filter(
    (entry): entry is ManagedFields => isObject(entry) && isObject(entry.fieldsV1),
  )
}
