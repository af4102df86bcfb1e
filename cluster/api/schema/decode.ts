import { statusError } from '../../errors.ts'
import { isObject, type JsonObject } from '../json.ts'
import type { KindRef } from '../store.ts'
import type { Scalar, Schemas, ValueType } from './schemas.ts'

/** Thrown for a value of the wrong type; says what and where, not yet for whom. */
export class WrongType extends Error {}

/**
 * The object as the types of its kind can hold it: members that no type knows are left out and named,
 * nulls are left out because they say nothing, but the empty text in a map of texts, as Go decodes it.
 * Throws WrongType. Custom kinds come back as they are.
 */
export function decodeTyped(
  object: JsonObject,
  kind: KindRef,
  schemas: Schemas,
): { readonly object: JsonObject; readonly unknown: readonly string[] } {
  const root = schemas.rootOf(kind)
  if (root === undefined) return { object, unknown: [] }
  const unknown: string[] = []

  function value(given: unknown, type: ValueType, path: string): unknown {
    if ('is' in type) return scalar(given, type.is, path)
    if ('list' in type) {
      if (!Array.isArray(given)) throw wrong(given, 'a list', path)
      return given.map((element, index) => value(element, type.list, `${path}[${index}]`))
    }
    if (!isObject(given)) throw wrong(given, 'an object', path)
    if ('model' in type) return members(given, type.model, path)
    const isOfTexts = 'is' in type.map && type.map.is === 'string'
    const entries = Object.entries(given).flatMap(([key, member]) => {
      if (member === null) return isOfTexts ? [[key, '']] : []
      return [[key, value(member, type.map, `${path}.${key}`)]]
    })
    return Object.fromEntries(entries)
  }

  function members(given: JsonObject, model: string, path: string): JsonObject {
    const types = schemas.membersOf(model)
    const result: JsonObject = {}
    for (const [name, member] of Object.entries(given)) {
      const at = path === '' ? name : `${path}.${name}`
      const type = types?.get(name)
      if (type === undefined) unknown.push(at)
      else if (member !== null) result[name] = value(member, type, at)
    }
    return result
  }

  return { object: members(object, root, ''), unknown }
}

export function badType(kind: KindRef, error: WrongType): Error {
  const version = JSON.stringify(kind.apiVersion.slice(kind.apiVersion.indexOf('/') + 1))
  const message = `${kind.kind} in version ${version} cannot be handled as a ${kind.kind}: ${error.message}`
  return statusError('BadRequest', message)
}

function scalar(given: unknown, type: Scalar, path: string): unknown {
  const fits: Record<Scalar, () => boolean> = {
    any: () => true,
    string: () => typeof given === 'string',
    bytes: () => typeof given === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(given),
    time: () => typeof given === 'string' && !Number.isNaN(Date.parse(given)),
    boolean: () => typeof given === 'boolean',
    integer: () => Number.isInteger(given),
    number: () => typeof given === 'number',
    quantity: () => typeof given === 'string' || typeof given === 'number',
    'int-or-string': () => typeof given === 'string' || Number.isInteger(given),
  }
  if (!fits[type]()) throw wrong(given, `of type ${type}`, path)
  return type === 'quantity' ? String(given) : given
}

function wrong(given: unknown, wanted: string, path: string): WrongType {
  const what = Array.isArray(given) ? 'a list' : given === null ? 'null' : typeof given
  return new WrongType(
    `json: cannot unmarshal ${what} into field ${path}, which has to be ${wanted}`,
  )
}
