import { isObject, type JsonObject, sameJson } from '../json.ts'
import { type FieldSet, isWhole, keyedField } from './field-set.ts'
import { isSet, mergeKeyOf } from './list-keys.ts'

/** What the server writes itself (managedfields/internal/stripmeta.go). */
const SERVER_OWNED = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'managedFields',
  'selfLink',
]
/** Members whose keys people choose: whoever makes one owns the map besides its entries. */
const MAPS = ['labels', 'annotations', 'data', 'stringData', 'binaryData', 'limits', 'requests']

/** The fields that `now` has and `before` has not, or has with another value. */
export function changedFields(before: unknown, now: JsonObject): FieldSet {
  const fields: Record<string, FieldSet> = {}
  for (const [name, member] of Object.entries(now)) {
    if (name === 'apiVersion' || name === 'kind') continue
    const set = changed(memberOf(before, name), owned(name, member), [name])
    if (set !== undefined && (name !== 'metadata' || !isWhole(set))) fields[`f:${name}`] = set
  }
  return fields
}

function owned(name: string, member: unknown): unknown {
  if (name !== 'metadata' || !isObject(member)) return member
  return Object.fromEntries(Object.entries(member).filter(([key]) => !SERVER_OWNED.includes(key)))
}

/** Undefined when nothing in it has changed; a field that changed as a whole has no fields inside. */
function changed(before: unknown, now: unknown, path: readonly string[]): FieldSet | undefined {
  if (now === undefined || sameJson(before, now)) return undefined
  const fields: Record<string, FieldSet> = {}
  if (isObject(now)) {
    if (before === undefined && MAPS.includes(path.at(-1) ?? '')) fields['.'] = {}
    for (const [name, member] of Object.entries(now)) {
      const inside = changed(memberOf(before, name), member, [...path, name])
      if (inside !== undefined) fields[`f:${name}`] = inside
    }
    // Members that went are nobody's; an object that was emptied has not been changed into anything.
    return isWhole(fields) && isObject(before) ? undefined : fields
  }
  const key = mergeKeyOf(path)
  if (!Array.isArray(now) || (key === undefined && !isSet(path))) return {}
  const present: readonly unknown[] = Array.isArray(before) ? before : []
  for (const element of now) {
    if (isSet(path)) {
      if (!present.includes(element)) fields[`v:${JSON.stringify(element)}`] = {}
    } else if (key !== undefined && isObject(element)) {
      const old = present.find((it) => isObject(it) && sameJson(it[key], element[key]))
      const inside = changed(old, element, path)
      if (inside === undefined) continue
      fields[keyedField(key, element)] = old === undefined ? { '.': {}, ...inside } : inside
    }
  }
  return isWhole(fields) ? undefined : fields
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}
