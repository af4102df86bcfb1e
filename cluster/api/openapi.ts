import { kubernetesRelease } from '../release.ts'
import type { JsonObject } from './json.ts'
import { groupOf, type KindDefinition, type KindTable } from './kind-table.ts'
import { componentsOf } from './schema/components.ts'
import type { Schemas } from './schema/schemas.ts'

/**
 * OpenAPI v3: `kubectl apply` and `create` refuse to send anything until the document of the group says
 * that PATCH takes `fieldValidation`, and `kubectl explain` shows the schemas.
 */
export function openApiAnswer(pathname: string, kinds: KindTable, schemas: Schemas): unknown {
  if (pathname === '/openapi/v3') {
    const roots = [...new Set(kinds.all.map(({ apiVersion }) => rootOf(apiVersion)))]
    const paths = roots.map((root) => [root, { serverRelativeURL: `/openapi/v3/${root}` }])
    return { paths: Object.fromEntries(paths) }
  }
  const found = kinds.all.filter(
    ({ apiVersion }) => pathname === `/openapi/v3/${rootOf(apiVersion)}`,
  )
  if (found.length === 0) return undefined
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: kubernetesRelease.version },
    paths: Object.fromEntries(found.flatMap((kind) => pathsOf(kind))),
    components: { schemas: componentsOf(found, schemas) },
  }
}

function pathsOf(kind: KindDefinition): [string, JsonObject][] {
  const collection = collectionPath(kind)
  return [
    [collection, { get: operation('list', kind), post: operation('post', kind) }],
    [`${collection}/{name}`, { get: operation('get', kind), patch: patchOf(kind) }],
  ]
}

function operation(action: string, { apiVersion, kind }: KindDefinition): JsonObject {
  const group = groupOf(apiVersion)
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1)
  return {
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}

function patchOf(kind: KindDefinition): JsonObject {
  return {
    parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
      name,
      in: 'query',
      schema: { type: name === 'force' ? 'boolean' : 'string' },
    })),
    ...operation('patch', kind),
  }
}

function collectionPath({ apiVersion, plural, namespaced }: KindDefinition): string {
  const namespace = namespaced ? 'namespaces/{namespace}/' : ''
  return `/${rootOf(apiVersion)}/${namespace}${plural}`
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`
}
