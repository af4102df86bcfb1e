import type { KubeObject } from '../objects.ts'
import { isObject, sameJson } from './json.ts'
import { changedFields } from './patch/changed-fields.ts'
import { type FieldSet, isWhole, unite } from './patch/field-set.ts'
import { presentFields, withoutFields } from './patch/ownership.ts'

/** One entry of `metadata.managedFields`: the fields that a manager owns, and how it came by them. */
export interface ManagedFields {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly time: string
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1: FieldSet
  readonly subresource?: string
}

export interface Manager {
  readonly name: string
  readonly subresource?: string
  /** Whether the status is out of its reach. */
  readonly keepsStatus: boolean
  readonly now: Date
}

const NAME_MAX_LENGTH = 128

/** The manager a request names, else the program that sent it, as in Kubernetes. */
export function managerName(fieldManager: string | null, userAgent: string | undefined): string {
  const name = fieldManager || (userAgent ?? '').split('/')[0] || 'unknown'
  return name.slice(0, NAME_MAX_LENGTH)
}

export function managedFieldsOf(object: Readonly<KubeObject> | undefined): ManagedFields[] {
  const entries: unknown[] = object?.metadata.managedFields ?? []
  return entries.filter(
    (entry): entry is ManagedFields => isObject(entry) && isObject(entry.fieldsV1),
  )
}

/**
 * Gives whoever made or changed fields without applying them the ownership of these fields, and takes
 * it from everybody else. A client that sends other managed fields than the stored ones means them.
 */
export function claimChanges(
  object: KubeObject,
  previous: Readonly<KubeObject> | undefined,
  manager: Manager,
): KubeObject {
  const entries = managedFieldsOf(previous)
  const sent = object.metadata.managedFields
  if (sent !== undefined && !sameJson(sent, previous?.metadata.managedFields ?? [])) return object
  const changed = changedFields(part(previous, manager), part(object, manager) ?? {})
  const isOurs = ({ manager: name, operation, subresource }: ManagedFields) =>
    name === manager.name && operation === 'Update' && subresource === manager.subresource
  const before = entries.find(isOurs)
  const others = entries
    .filter((entry) => !isOurs(entry))
    .map((entry) => ({ ...entry, fieldsV1: withoutFields(entry.fieldsV1, changed) }))
  const fieldsV1 = unite(before?.fieldsV1 ?? {}, changed)
  // Whoever owns what it owned before has done nothing new.
  const unchanged = before !== undefined && sameJson(before.fieldsV1, fieldsV1)
  const ours: ManagedFields = {
    manager: manager.name,
    operation: 'Update',
    apiVersion: object.apiVersion,
    time: unchanged ? before.time : `${manager.now.toISOString().slice(0, 19)}Z`,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(manager.subresource !== undefined && { subresource: manager.subresource }),
  }
  const managedFields = [...others, ours]
    .map((entry) => ({ ...entry, fieldsV1: presentFields(entry.fieldsV1, object) }))
    .filter((entry) => !isWhole(entry.fieldsV1))
  return { ...object, metadata: { ...object.metadata, managedFields } }
}

/** What a request can change: status and all the rest are written apart. */
function part(object: Readonly<KubeObject> | undefined, { subresource, keepsStatus }: Manager) {
  if (object === undefined) return undefined
  const { status, ...rest } = object
  if (subresource === 'status') return { status }
  return keepsStatus ? rest : object
}
