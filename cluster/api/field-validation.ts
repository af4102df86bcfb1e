import { statusError } from '../errors.ts'
import type { JsonObject } from './json.ts'
import { badType, decodeTyped, WrongType } from './schema/decode.ts'
import type { Schemas } from './schema/schemas.ts'
import type { KindRef } from './store.ts'

/** Checks what clients send against the types of its kind, as strictly as they want it. */
export interface FieldValidation {
  /** A whole object as it was sent: what is wrong with it is a bad request. */
  sent(object: JsonObject, kind: KindRef): JsonObject
  /** An object as a patch leaves it: what is wrong with it is an invalid patch. */
  patched(object: JsonObject, kind: KindRef): JsonObject
}

/** `warn` is called once per unknown field in mode Warn, which is the default as in Kubernetes. */
export function fieldValidation(
  query: URLSearchParams,
  schemas: Schemas,
  warn: (text: string) => void,
): FieldValidation {
  const mode = query.get('fieldValidation') || 'Warn'
  const decode = (object: JsonObject, kind: KindRef, refuse: (why: string) => Error) => {
    const { object: typed, unknown } = decodeTyped(object, kind, schemas)
    const problems = unknown.map((path) => `unknown field "${path}"`)
    if (mode === 'Strict' && problems.length > 0) {
      throw refuse(`strict decoding error: ${problems.join(', ')}`)
    }
    if (mode === 'Warn') for (const problem of problems) warn(problem)
    return typed
  }
  return {
    sent: (object, kind) => {
      const version = JSON.stringify(kind.apiVersion.slice(kind.apiVersion.indexOf('/') + 1))
      const prefix = `${kind.kind} in version ${version} cannot be handled as a ${kind.kind}: `
      try {
        return decode(object, kind, (why) => statusError('BadRequest', prefix + why))
      } catch (error) {
        throw error instanceof WrongType ? badType(kind, error) : error
      }
    },
    patched: (object, kind) => {
      try {
        return decode(object, kind, invalidPatch)
      } catch (error) {
        throw error instanceof WrongType ? invalidPatch(error.message) : error
      }
    },
  }
}

function invalidPatch(why: string): Error {
  const message = `Invalid value: ${why}`
  const causes = [{ reason: 'FieldValueInvalid', message, field: 'patch' }]
  return statusError('Invalid', ` "" is invalid: patch: ${message}`, { causes })
}
