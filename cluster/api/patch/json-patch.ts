import { type ClusterError, statusError } from '../../errors.ts'
import { clone, isObject, type JsonObject, sameJson } from '../json.ts'

/** As in Kubernetes: enough for anything sensible, too few to keep the server busy. */
const OPERATIONS_MAX = 10_000
/** Copies of copies grow without end (JSONPatchMaxCopyBytes of Kubernetes). */
const COPIED_MAX_BYTES = 3 * 1024 * 1024

/** JSON Patch, https://www.rfc-editor.org/rfc/rfc6902. All operations or none; changes no argument. */
export function jsonPatch(document: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    throw statusError('BadRequest', 'a JSON patch must be a list of operations')
  }
  if (operations.length > OPERATIONS_MAX) {
    const message = `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${operations.length}`
    throw statusError('RequestEntityTooLarge', message)
  }
  let result = clone(document)
  let copiedBytes = 0
  operations.forEach((operation: unknown, index) => {
    if (!isObject(operation) || typeof operation.path !== 'string') {
      throw statusError('BadRequest', `operation ${index} of the JSON patch has no path`)
    }
    if (operation.op === 'copy') {
      copiedBytes += sizeOf(copied(result, givenFrom(operation)))
      if (copiedBytes > COPIED_MAX_BYTES) {
        const message = `the JSON patch copies more than ${COPIED_MAX_BYTES} bytes`
        throw statusError('RequestEntityTooLarge', message)
      }
    }
    result = apply(result, operation, operation.path)
  })
  return result
}

function apply(root: unknown, operation: JsonObject, path: string): unknown {
  const tokens = pointer(path)
  switch (operation.op) {
    case 'add':
      return add(root, tokens, givenValue(operation), path)
    case 'remove':
      return remove(root, tokens, path)
    case 'replace':
      return replace(root, tokens, givenValue(operation), path)
    case 'move': {
      const from = givenFrom(operation)
      if (path.startsWith(`${from}/`)) throw rejected(`cannot move ${from} into itself`)
      const value = read(root, pointer(from), from)
      return add(remove(root, pointer(from), from), tokens, value, path)
    }
    case 'copy':
      return add(root, tokens, clone(copied(root, givenFrom(operation))), path)
    case 'test':
      // Kubernetes takes null to stand for absent, which the RFC leaves without a way to say.
      if (!sameJson(optional(root, tokens) ?? null, givenValue(operation))) {
        throw rejected(`testing value ${path} failed`)
      }
      return root
    default:
      throw rejected(`Unexpected kind: ${operation.op}`)
  }
}

function add(root: unknown, tokens: readonly string[], value: unknown, path: string): unknown {
  const last = tokens.at(-1)
  if (last === undefined) return value
  const parent = read(root, tokens.slice(0, -1), path)
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : elementIndex(last, parent.length, path)
    parent.splice(index, 0, value)
  } else if (isObject(parent)) parent[last] = value
  else throw rejected(`add ${path}: its parent holds no members`)
  return root
}

function remove(root: unknown, tokens: readonly string[], path: string): unknown {
  const last = tokens.at(-1)
  if (last === undefined) return null
  const parent = read(root, tokens.slice(0, -1), path)
  if (Array.isArray(parent)) parent.splice(elementIndex(last, parent.length - 1, path), 1)
  else if (isObject(parent) && Object.hasOwn(parent, last)) delete parent[last]
  else throw rejected(`remove ${path}: there is nothing at this path`)
  return root
}

function replace(root: unknown, tokens: readonly string[], value: unknown, path: string): unknown {
  const last = tokens.at(-1)
  if (last === undefined) return value
  const parent = read(root, tokens.slice(0, -1), path)
  if (Array.isArray(parent)) parent[elementIndex(last, parent.length - 1, path)] = value
  // An absent member is added: not what the RFC says, but what the API server of Kubernetes does.
  else if (isObject(parent)) parent[last] = value
  else throw rejected(`replace ${path}: its parent holds no members`)
  return root
}

/** An absent member is copied as null: not what the RFC says, but what the API server of Kubernetes does. */
function copied(root: unknown, from: string): unknown {
  const tokens = pointer(from)
  const last = tokens.at(-1)
  const parent = last === undefined ? root : read(root, tokens.slice(0, -1), from)
  if (last !== undefined && isObject(parent) && !Object.hasOwn(parent, last)) return null
  return read(root, tokens, from)
}

function read(root: unknown, tokens: readonly string[], path: string): unknown {
  const value = optional(root, tokens)
  if (value === undefined) throw rejected(`${path}: there is nothing at this path`)
  return value
}

function optional(root: unknown, tokens: readonly string[]): unknown {
  let value = root
  for (const token of tokens) {
    if (Array.isArray(value))
      value = /^(0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined
    else if (isObject(value) && Object.hasOwn(value, token)) value = value[token]
    else return undefined
  }
  return value
}

function elementIndex(token: string, most: number, path: string): number {
  const index = /^(0|[1-9]\d*)$/.test(token) ? Number(token) : -1
  if (index < 0 || index > most) throw rejected(`${path}: index ${token} is out of bounds`)
  return index
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0
}

/** https://www.rfc-editor.org/rfc/rfc6901 */
function pointer(path: string): string[] {
  if (path === '') return []
  if (!path.startsWith('/')) throw statusError('BadRequest', `"${path}" is not a JSON pointer`)
  const tokens = path.slice(1).split('/')
  const names = tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (names.includes('__proto__')) throw statusError('BadRequest', `${path}: no such member`)
  return names
}

function givenValue(operation: JsonObject): unknown {
  if (!Object.hasOwn(operation, 'value')) {
    throw statusError('BadRequest', `operation ${operation.op} of ${operation.path} has no value`)
  }
  return clone(operation.value)
}

function givenFrom(operation: JsonObject): string {
  if (typeof operation.from === 'string') return operation.from
  throw statusError('BadRequest', `operation ${operation.op} of ${operation.path} has no from`)
}

/** Kubernetes answers 422 for a patch that is well formed but does not fit the object. */
function rejected(why: string): ClusterError {
  const message = 'the server rejected our request due to an error in our request'
  return statusError('Invalid', `${message}: ${why}`, {
    causes: [{ reason: 'UnexpectedServerResponse', message: why, field: '' }],
  })
}
