import { isObject, type JsonObject, sameJson } from '../json.ts'
import { type FieldSet, fieldPath, isWhole, locate } from './field-set.ts'

/** Fields of both sets whose values differ between what is stored and what is applied. */
export function conflictingFields(
  ours: FieldSet,
  theirs: FieldSet,
  applied: unknown,
  stored: unknown,
  path: readonly string[] = [],
): string[] {
  return Object.entries(ours).flatMap(([field, inside]) => {
    const other = Object.hasOwn(theirs, field) ? theirs[field] : undefined
    if (other === undefined || field === '.') return []
    const [mine, present] = [memberAt(applied, field), memberAt(stored, field)]
    const at = [...path, field]
    if (!isWhole(inside) && !isWhole(other)) {
      return conflictingFields(inside, other, mine, present, at)
    }
    // One has the field as a whole, the other something in it: these are different fields.
    if (isWhole(inside) !== isWhole(other)) return []
    return sameJson(mine, present) ? [] : [fieldPath(at)]
  })
}

/** The fields of `set` without those in `taken`: what is left to a manager that was overruled. */
export function withoutFields(set: FieldSet, taken: FieldSet): FieldSet {
  const left = Object.entries(set).flatMap(([field, inside]): [string, FieldSet][] => {
    const other = Object.hasOwn(taken, field) ? taken[field] : undefined
    if (other === undefined) return [[field, inside]]
    if (isWhole(inside) || isWhole(other)) return []
    const rest = withoutFields(inside, other)
    return isWhole(rest) ? [] : [[field, rest]]
  })
  return Object.fromEntries(left)
}

/** The fields of `set` that there still are in `value`. */
export function presentFields(set: FieldSet, value: unknown): FieldSet {
  const left = Object.entries(set).flatMap(([field, inside]): [string, FieldSet][] => {
    if (field === '.') return [[field, inside]]
    const member = memberAt(value, field)
    if (member === undefined) return []
    if (isWhole(inside)) return [[field, inside]]
    const rest = presentFields(inside, member)
    return isWhole(rest) ? [] : [[field, rest]]
  })
  return Object.fromEntries(left)
}

/**
 * Takes out of `value` what the manager gave up (`owned`) unless one of `kept` still owns it. Changes
 * `value`.
 */
export function prune(value: unknown, owned: FieldSet, kept: readonly FieldSet[]): void {
  for (const [field, inside] of Object.entries(owned)) {
    const place = locate(value, field)
    if (place === undefined) continue
    const keepers = kept.flatMap((set) => (Object.hasOwn(set, field) ? [set[field] ?? {}] : []))
    const member = memberAt(value, field)
    if (keepers.length === 0 && (isWhole(inside) || field.startsWith('k:'))) take(value, place)
    else if (!isWhole(inside)) {
      prune(member, inside, keepers)
      const emptied = isObject(member) ? Object.keys(member).length === 0 : isEmptyList(member)
      if (emptied && keepers.length === 0) take(value, place)
    }
  }
}

function memberAt(value: unknown, field: string): unknown {
  const place = locate(value, field)
  if (typeof place === 'number') return (value as unknown[])[place]
  if (place === undefined || !Object.hasOwn(value as JsonObject, place)) return undefined
  return (value as JsonObject)[place]
}

function take(value: unknown, place: string | number): void {
  if (typeof place === 'number') (value as unknown[]).splice(place, 1)
  else delete (value as JsonObject)[place]
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
