import { isObject, type JsonObject, valueAt } from '../../cluster/api/json.ts'
import { KINDS } from '../../cluster/api/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { type InventoryKind, inventoryKinds } from './kinds.ts'

export function problemOf({ apiVersion, kind, metadata }: JsonObject): string | undefined {
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    return 'no Kubernetes object: it has no apiVersion and kind'
  }
  if (!isObject(metadata) || typeof metadata.name !== 'string') {
    return `${kind} without metadata.name`
  }
  return undefined
}

/** Parts without which an API server would have refused it, and which are counted on from here. */
const REQUIRED: Partial<Record<InventoryKind, string>> = {
  pod: 'spec.containers',
  service: 'spec',
  deployment: 'spec.template.spec.containers',
  statefulSet: 'spec.template.spec.containers',
  daemonSet: 'spec.template.spec.containers',
  job: 'spec.template.spec.containers',
  cronJob: 'spec.jobTemplate.spec.template.spec.containers',
  gateway: 'spec.gatewayClassName',
  httpRoute: 'spec',
}

export function missingPart(kind: InventoryKind, object: KubeObject): string | undefined {
  const path = REQUIRED[kind]
  if (path === undefined) return undefined
  const value = valueAt(object, path)
  const fits = path.endsWith('containers') ? Array.isArray(value) : Boolean(value)
  return fits ? undefined : path
}

const byGroupAndKind = new Map(
  Object.entries(inventoryKinds).map(([name, { apiVersion, kind }]) => [
    `${groupOf(apiVersion)}/${kind}`,
    name as InventoryKind,
  ]),
)

/** Whatever the version: Istio and the Gateway API kept the fields we read when they went to v1. */
export function inventoryKind({ apiVersion, kind }: KubeObject): InventoryKind | undefined {
  return byGroupAndKind.get(`${groupOf(apiVersion)}/${kind}`)
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
}

/** Kubernetes' own kinds that no check asks for are passed over in silence. */
export function isForeign(apiVersion: string): boolean {
  const group = groupOf(apiVersion)
  return group.includes('.') && !group.endsWith('.k8s.io')
}

export function unknownKind({ apiVersion, kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name} of ${groupOf(apiVersion)} is unknown: skipped, with any pods it makes`
}

const clusterScoped = new Set<InventoryKind>([
  ...Object.entries(inventoryKinds).flatMap(([name, { apiVersion, kind }]) =>
    KINDS.some((one) => one.apiVersion === apiVersion && one.kind === kind && !one.namespaced)
      ? [name as InventoryKind]
      : [],
  ),
  'ciliumClusterwideNetworkPolicy',
  'felixConfiguration',
  'openShiftNetwork',
])

export function isNamespaced(kind: InventoryKind): boolean {
  return !clusterScoped.has(kind)
}
