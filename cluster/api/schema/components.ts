import type { JsonObject } from '../json.ts'
import { groupOf, type KindDefinition } from '../kind-table.ts'
import type { Scalar, Schemas, ValueType } from './schemas.ts'

const SCALARS: Readonly<Record<Scalar, JsonObject>> = {
  string: { type: 'string' },
  integer: { type: 'integer', format: 'int64' },
  number: { type: 'number', format: 'double' },
  boolean: { type: 'boolean' },
  time: { type: 'string', format: 'date-time' },
  bytes: { type: 'string', format: 'byte' },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'int-or-string': { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  any: {},
}

/** The schemas of some kinds and of everything in them, named as Kubernetes names them. */
export function componentsOf(kinds: readonly KindDefinition[], schemas: Schemas): JsonObject {
  const components: JsonObject = {}

  function schemaOf(type: ValueType, prefix: string): JsonObject {
    if ('is' in type) return SCALARS[type.is]
    if ('list' in type) return { type: 'array', items: schemaOf(type.list, prefix) }
    if ('map' in type) {
      return { type: 'object', additionalProperties: schemaOf(type.map, prefix) }
    }
    return { allOf: [{ $ref: `#/components/schemas/${add(type.model, prefix)}` }] }
  }

  function add(model: string, prefix: string): string {
    const name = `${prefix}.${model.replace(/^[A-Z][a-z]*V\d+|^V\d+/, '')}`
    if (components[name] !== undefined) return name
    const component: JsonObject = { type: 'object' }
    components[name] = component
    const members = [...(schemas.membersOf(model) ?? [])]
    component.properties = Object.fromEntries(
      members.map(([member, type]) => [member, schemaOf(type, prefix)]),
    )
    return name
  }

  for (const kind of kinds) {
    const group = groupOf(kind.apiVersion)
    const version = kind.apiVersion.slice(kind.apiVersion.indexOf('/') + 1)
    const prefix = `io.k8s.api.${group.replace(/\..*/, '') || 'core'}.${version}`
    const root = schemas.rootOf(kind)
    const name = root === undefined ? `${prefix}.${kind.kind}` : add(root, prefix)
    const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    const known = components[name] as JsonObject | undefined
    components[name] = {
      ...(known ?? open),
      'x-kubernetes-group-version-kind': [{ group, version, kind: kind.kind }],
    }
  }
  return components
}
