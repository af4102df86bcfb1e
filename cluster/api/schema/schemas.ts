import type { ApiMember, ApiModels } from '../../client/api-models.ts'
import type { KindRef } from '../store.ts'

/** What a JSON value has to be. */
export type ValueType =
  | { readonly is: Scalar }
  | { readonly list: ValueType }
  | { readonly map: ValueType }
  /** An object of a named model. */
  | { readonly model: string }

export type Scalar =
  | 'string'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'time'
  | 'bytes'
  | 'quantity'
  | 'int-or-string'
  | 'any'

export type Members = ReadonlyMap<string, ValueType>

/** The shapes of built-in kinds; custom ones have none, so anything goes in them. */
export interface Schemas {
  rootOf(kind: KindRef): string | undefined
  membersOf(model: string): Members | undefined
}

/** Classes whose name is not the version and the kind. */
const ROOTS: Readonly<Record<string, string>> = { 'v1/Event': 'CoreV1Event' }
/** Amounts such as `100m` or 2, which the library takes for strings. */
const QUANTITIES = ['limits', 'requests', 'capacity', 'allocatable', 'sizeLimit', 'divisor']

export function schemas(models: ApiModels): Schemas {
  const known = new Map<string, Members>()
  return {
    rootOf: ({ apiVersion, kind }) => {
      const version = apiVersion.slice(apiVersion.indexOf('/') + 1)
      const name = ROOTS[`${apiVersion}/${kind}`] ?? `V${version.slice(1)}${kind}`
      return models.has(name) ? name : undefined
    },
    membersOf: (model) => {
      const found = known.get(model)
      if (found !== undefined) return found
      const fields = models.get(model)
      if (fields === undefined) return undefined
      const made = new Map(fields.map((field) => [field.name, typeOf(field, models)]))
      known.set(model, made)
      return made
    },
  }
}

function typeOf({ name, type, format }: ApiMember, models: ApiModels): ValueType {
  const list = /^(?:Array|Set)<(.*)>$/.exec(type)?.[1]
  if (list !== undefined) return { list: typeOf({ name: '', type: list, format }, models) }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1]
  if (map !== undefined) {
    if (QUANTITIES.includes(name)) return { map: { is: 'quantity' } }
    return { map: typeOf({ name: '', type: map, format }, models) }
  }
  if (models.has(type)) return { model: type }
  if (type === 'string') {
    if (QUANTITIES.includes(name)) return { is: 'quantity' }
    return { is: format === 'byte' ? 'bytes' : 'string' }
  }
  if (type === 'number') return { is: format.startsWith('int') ? 'integer' : 'number' }
  if (type === 'boolean') return { is: 'boolean' }
  if (type === 'IntOrString') return { is: 'int-or-string' }
  if (format.startsWith('date-time')) return { is: 'time' }
  return { is: 'any' }
}
