import { isObject, type JsonObject } from '../json.ts'
import { isSet, mergeKeyOf } from './list-keys.ts'

/**
 * Which fields a manager owns, in the FieldsV1 form of `metadata.managedFields`: `f:name` is a member,
 * `k:{"name":"x"}` the list element with that key, `v:"x"` a value of a set, `.` the element itself. A
 * field without fields inside is owned as a whole.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export type FieldSet = { readonly [field: string]: FieldSet }

/** Never owned: they say which object it is. */
const IDENTITY = ['apiVersion', 'kind']
const METADATA_IDENTITY = ['name', 'namespace', 'managedFields']

export function fieldsOf(value: JsonObject, path: readonly string[] = []): FieldSet {
  const fields: Record<string, FieldSet> = {}
  const skipped = path.length === 0 ? IDENTITY : path.join() === 'metadata' ? METADATA_IDENTITY : []
  for (const [name, member] of Object.entries(value)) {
    if (skipped.includes(name) || name === '__proto__') continue
    const at = [...path, name]
    if (Array.isArray(member)) fields[`f:${name}`] = fieldsOfList(member, at)
    else if (isObject(member)) {
      const inside = fieldsOf(member, at)
      // Nothing but the identity is in there: that is not owning all of metadata.
      if (at.join() !== 'metadata' || !isWhole(inside)) fields[`f:${name}`] = inside
    } else fields[`f:${name}`] = {}
  }
  return fields
}

function fieldsOfList(list: readonly unknown[], path: readonly string[]): FieldSet {
  const fields: Record<string, FieldSet> = {}
  const key = mergeKeyOf(path)
  for (const element of list) {
    if (isSet(path)) fields[`v:${JSON.stringify(element)}`] = {}
    else if (key !== undefined && isObject(element)) {
      fields[keyedField(key, element)] = { '.': {}, ...fieldsOf(element, path) }
    }
  }
  return fields
}

export function keyedField(key: string, element: JsonObject): string {
  return `k:${JSON.stringify({ [key]: element[key] })}`
}

/** What a field of a set refers to: a member's name, or the index of a list's element. */
export function locate(value: unknown, field: string): string | number | undefined {
  if (isObject(value)) return field.startsWith('f:') ? field.slice(2) : undefined
  if (!Array.isArray(value) || field === '.') return undefined
  const wanted: unknown = JSON.parse(field.slice(2))
  const index = value.findIndex((element) =>
    field.startsWith('v:')
      ? element === wanted
      : isObject(element) &&
        isObject(wanted) &&
        Object.entries(wanted).every(([key, keyed]) => element[key] === keyed),
  )
  return index < 0 ? undefined : index
}

export function isWhole(fields: FieldSet): boolean {
  return Object.keys(fields).length === 0
}

/** Everything in either of them. */
export function unite(one: FieldSet, other: FieldSet): FieldSet {
  const fields: Record<string, FieldSet> = { ...one }
  for (const [field, inside] of Object.entries(other)) {
    const present = fields[field]
    fields[field] = present === undefined ? inside : unite(present, inside)
  }
  return fields
}

/** `.metadata.labels.app`, `.spec.containers[name="app"].image`: how messages name a field. */
export function fieldPath(fields: readonly string[]): string {
  return fields.map(segment).join('')
}

function segment(field: string): string {
  if (field.startsWith('f:')) return `.${field.slice(2)}`
  if (field.startsWith('v:')) return `[=${field.slice(2)}]`
  const keys: unknown = JSON.parse(field.slice(2))
  const pairs = Object.entries(isObject(keys) ? keys : {})
  return `[${pairs.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
}
