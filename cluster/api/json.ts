/** Plain JSON values: what travels, what is stored. */
export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A deep copy. Drops `undefined` as JSON does, and `__proto__`, which JSON.parse yields as an ordinary
 * key but assignment would take for the prototype. Several times faster than structuredClone.
 */
export function clone<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(clone) as T
  const copy: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined && key !== '__proto__') copy[key] = clone(member)
  }
  return copy as T
}

export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((member, index) => sameJson(member, b[index]))
    )
  }
  if (!isObject(a) || !isObject(b)) return false
  const keys = definedKeys(a)
  return (
    keys.length === definedKeys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  )
}

/** The value at a dotted path of plain member names, such as `spec.nodeName`. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

/** The object at `name`, made when missing. */
export function part(parent: JsonObject, name: string): JsonObject {
  const present = parent[name]
  if (isObject(present)) return present
  const made: JsonObject = {}
  if (present === undefined || present === null) parent[name] = made
  return made
}

/** The objects in a list; none when it is no list. */
export function members(list: unknown): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : []
}

function definedKeys(object: JsonObject): string[] {
  return Object.keys(object).filter((key) => object[key] !== undefined)
}
