import { statusError } from '../../errors.ts'
import { clone, isObject, type JsonObject, sameJson } from '../json.ts'
import { orderElements } from './element-order.ts'
import { isSet, mergeKeyOf } from './list-keys.ts'

/**
 * Strategic merge patch: a merge patch that knows which lists are maps in disguise, with the directives
 * `$patch`, `$retainKeys`, `$setElementOrder/...` and `$deleteFromPrimitiveList/...`.
 * https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export function strategicMerge(
  target: unknown,
  patch: unknown,
  path: readonly string[] = [],
): unknown {
  if (!isObject(patch)) return clone(patch)
  if (patch.$patch === 'replace') return withoutDirectives(patch)
  if (patch.$patch === 'delete') return {}
  if (patch.$patch !== undefined && patch.$patch !== 'merge') {
    throw statusError('BadRequest', `unknown $patch directive ${JSON.stringify(patch.$patch)}`)
  }
  const result: JsonObject = isObject(target) ? clone(target) : {}
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$') || name === '__proto__') continue
    const present = Object.hasOwn(result, name) ? result[name] : undefined
    const at = [...path, name]
    if (value === null) delete result[name]
    else if (Array.isArray(value)) result[name] = mergeList(present, value, at)
    else result[name] = strategicMerge(present, value, at)
  }
  removeValues(result, patch)
  retainKeys(result, patch)
  reorder(result, isObject(target) ? target : {}, patch, path)
  return result
}

function mergeList(target: unknown, patch: readonly unknown[], path: readonly string[]): unknown[] {
  const present: unknown[] = Array.isArray(target) ? clone(target) : []
  if (isSet(path)) {
    const added = patch.filter((value) => !present.some((it) => sameJson(it, value)))
    return orderElements([...present, ...added], patch, present, (value) => value)
  }
  const key = mergeKeyOf(path)
  const replaces = patch.some((element) => isObject(element) && element.$patch === 'replace')
  if (key === undefined || replaces) {
    return patch
      .filter((element) => !(isObject(element) && element.$patch !== undefined))
      .map((element) => (isObject(element) ? withoutDirectives(element) : clone(element)))
  }
  const before = [...present]
  for (const element of patch) {
    if (!isObject(element) || element[key] === undefined) {
      const message = `map: ${JSON.stringify(element)} does not contain declared merge key: ${key}`
      throw statusError('BadRequest', message)
    }
    const index = present.findIndex((it) => isObject(it) && sameJson(it[key], element[key]))
    if (element.$patch === 'delete') {
      if (index >= 0) present.splice(index, 1)
    } else if (index >= 0) present[index] = strategicMerge(present[index], element, path)
    else present.push(strategicMerge(undefined, element, path))
  }
  return orderElements(present, patch, before, (it) => (isObject(it) ? it[key] : it))
}

function removeValues(result: JsonObject, patch: JsonObject): void {
  for (const [name, unwanted] of directive(patch, '$deleteFromPrimitiveList/')) {
    const list = result[name]
    if (!Array.isArray(list)) continue
    result[name] = list.filter((value) => !unwanted.some((it) => sameJson(it, value)))
  }
}

/** For unions: members the patch does not name go. */
function retainKeys(result: JsonObject, patch: JsonObject): void {
  if (!Array.isArray(patch.$retainKeys)) return
  for (const name of Object.keys(result)) {
    if (!patch.$retainKeys.includes(name)) delete result[name]
  }
}

function reorder(
  result: JsonObject,
  before: JsonObject,
  patch: JsonObject,
  path: readonly string[],
): void {
  for (const [name, order] of directive(patch, '$setElementOrder/')) {
    const list = result[name]
    if (!Array.isArray(list)) continue
    const key = mergeKeyOf([...path, name])
    const identity = (element: unknown) =>
      key !== undefined && isObject(element) ? element[key] : element
    const present: readonly unknown[] = Array.isArray(before[name]) ? before[name] : []
    result[name] = orderElements(list, order, present, identity)
  }
}

function directive(patch: JsonObject, prefix: string): [string, unknown[]][] {
  return Object.entries(patch).flatMap(([name, value]): [string, unknown[]][] =>
    name.startsWith(prefix) && Array.isArray(value) ? [[name.slice(prefix.length), value]] : [],
  )
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const plain = Object.entries(clone(patch)).filter(([name]) => !name.startsWith('$'))
  return Object.fromEntries(plain)
}
