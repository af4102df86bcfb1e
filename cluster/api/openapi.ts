import { groupOf, type KindDefinition, type KindTable } from './kind-table.ts'

/**
 * Just enough of OpenAPI v3 for `kubectl apply` and `create`: they refuse to send anything until the
 * document of the group says that PATCH takes `fieldValidation`, and then leave validation to us.
 */
export function openApiAnswer(pathname: string, kinds: KindTable): unknown {
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
    info: { title: 'Kubernetes', version: 'v1.34.0' },
    paths: Object.fromEntries(found.map((kind) => [pathOf(kind), { patch: patchOf(kind) }])),
    components: { schemas: {} },
  }
}

function patchOf({ apiVersion, kind }: KindDefinition): unknown {
  const group = groupOf(apiVersion)
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1)
  return {
    parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
      name,
      in: 'query',
      schema: { type: name === 'force' ? 'boolean' : 'string' },
    })),
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}

function pathOf({ apiVersion, plural, namespaced }: KindDefinition): string {
  const namespace = namespaced ? 'namespaces/{namespace}/' : ''
  return `/${rootOf(apiVersion)}/${namespace}${plural}/{name}`
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`
}
