import type { JsonObject } from './json.ts'
import { members } from './json.ts'

export const AGGREGATED_TYPE =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** One question instead of one for every group, which is what recent clients ask first. */
export function wantsAggregated(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((type) => {
    const parameters = type.split(';').map((part) => part.trim())
    return ['application/json', 'g=apidiscovery.k8s.io', 'v=v2', 'as=APIGroupDiscoveryList'].every(
      (wanted) => parameters.includes(wanted),
    )
  })
}

export interface DiscoveredGroup {
  readonly name: string
  /** APIResourceLists, the preferred version first. */
  readonly versions: readonly { readonly version: string; readonly resources: unknown }[]
}

/** https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery */
export function aggregated(groups: readonly DiscoveredGroup[]): JsonObject {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: { name, creationTimestamp: null },
      versions: versions.map(({ version, resources }) => ({
        version,
        freshness: 'Current',
        resources: resourcesOf(members(resources), name, version),
      })),
    })),
  }
}

function resourcesOf(rows: readonly JsonObject[], group: string, version: string): JsonObject[] {
  const whole = rows.filter(({ name }) => !String(name).includes('/'))
  return whole.map((row) => {
    const parts = rows.filter(({ name }) => String(name).startsWith(`${row.name}/`))
    return {
      resource: row.name,
      responseKind: kindOf(row, group, version),
      scope: row.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: row.singularName,
      verbs: row.verbs,
      ...pick(row, 'shortNames'),
      ...pick(row, 'categories'),
      ...(parts.length > 0 && {
        subresources: parts.map((part) => ({
          subresource: String(part.name).slice(String(row.name).length + 1),
          responseKind: kindOf(part, group, version),
          verbs: part.verbs,
        })),
      }),
    }
  })
}

function kindOf(row: JsonObject, group: string, version: string): JsonObject {
  return { group: row.group ?? group, version: row.version ?? version, kind: row.kind }
}

function pick(row: JsonObject, name: string): JsonObject {
  return row[name] === undefined ? {} : { [name]: row[name] }
}
