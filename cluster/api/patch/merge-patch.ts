import { clone, isObject, type JsonObject } from '../json.ts'

/** JSON Merge Patch, https://www.rfc-editor.org/rfc/rfc7386#section-2. Changes neither argument. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return clone(patch)
  const result: JsonObject = isObject(target) ? clone(target) : {}
  for (const [name, value] of Object.entries(patch)) {
    if (name === '__proto__') continue
    if (value === null) delete result[name]
    else result[name] = mergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value)
  }
  return result
}
