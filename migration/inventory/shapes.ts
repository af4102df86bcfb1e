import { isObject } from '../../cluster/api/json.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { InventoryKind } from './kinds.ts'

/**
 * What an API server with Istio's definitions would have refused, as far as it is counted on from here:
 * `a.b` is an object, `a.b[]` a list of objects, `a.b*` a list of words.
 */
const EVERYWHERE = ['metadata.labels', 'metadata.annotations', 'spec', 'status']
const TARGETS = ['spec.selector.matchLabels', 'spec.targetRef', 'spec.targetRefs[]']
const POD = ['containers[]', 'initContainers[]', 'volumes[]', 'nodeSelector', 'securityContext']
const WORKLOAD = [
  'spec.selector.matchLabels',
  'spec.template.metadata.labels',
  'spec.template.metadata.annotations',
  ...POD.map((path) => `spec.template.spec.${path}`),
  'spec.template.spec.containers[].env[]',
  'spec.template.spec.containers[].ports[]',
]
const SOURCES = ['principals', 'namespaces', 'serviceAccounts', 'ipBlocks', 'requestPrincipals']
const OPERATIONS = ['ports', 'hosts', 'methods', 'paths']
const PEERS = ['podSelector.matchLabels', 'namespaceSelector.matchLabels', 'ipBlock']

const SHAPES: Partial<Record<InventoryKind, readonly string[]>> = {
  authorizationPolicy: [
    ...TARGETS,
    ...both(SOURCES).map((field) => `spec.rules[].from[].source.${field}*`),
    ...both(OPERATIONS).map((field) => `spec.rules[].to[].operation.${field}*`),
    'spec.rules[].when[].values*',
    'spec.rules[].when[].notValues*',
  ],
  requestAuthentication: [...TARGETS, 'spec.jwtRules[]'],
  peerAuthentication: ['spec.selector.matchLabels', 'spec.mtls', 'spec.portLevelMtls'],
  telemetry: TARGETS,
  wasmPlugin: TARGETS,
  service: ['spec.selector', 'spec.ports[]'],
  pod: [...POD.map((path) => `spec.${path}`), 'status.conditions[]', 'status.containerStatuses[]'],
  deployment: WORKLOAD,
  statefulSet: WORKLOAD,
  daemonSet: WORKLOAD,
  networkPolicy: [
    'spec.podSelector.matchLabels',
    'spec.policyTypes*',
    'spec.ingress[].ports[]',
    'spec.egress[].ports[]',
    ...PEERS.flatMap((path) => [`spec.ingress[].from[].${path}`, `spec.egress[].to[].${path}`]),
  ],
  gateway: ['spec.listeners[].allowedRoutes.namespaces', 'status.conditions[]'],
  httpRoute: [
    'spec.parentRefs[]',
    'spec.hostnames*',
    'spec.rules[].matches[]',
    'spec.rules[].filters[]',
    'spec.rules[].backendRefs[]',
  ],
  virtualService: [
    'spec.hosts*',
    'spec.gateways*',
    'spec.exportTo*',
    'spec.http[].match[]',
    'spec.http[].route[].destination',
    'spec.tcp[].route[].destination',
    'spec.tls[].route[].destination',
  ],
  destinationRule: ['spec.trafficPolicy', 'spec.subsets[]', 'spec.exportTo*'],
}

function both(fields: readonly string[]): readonly string[] {
  return fields.flatMap((field) => [field, `not${field[0]?.toUpperCase()}${field.slice(1)}`])
}

/** Pure. `spec.rules[2].from is no list`; undefined where all parts have the type of their kind. */
export function misshapenPart(kind: InventoryKind, object: KubeObject): string | undefined {
  for (const path of [...EVERYWHERE, ...(SHAPES[kind] ?? [])]) {
    const found = misfit(object, path.split('.'), '')
    if (found !== undefined) return found
  }
  return undefined
}

function misfit(value: unknown, path: readonly string[], at: string): string | undefined {
  const [segment, ...rest] = path
  if (segment === undefined) return undefined
  const name = segment.replace(/\[\]|\*$/, '')
  const here = at === '' ? name : `${at}.${name}`
  const part = isObject(value) ? value[name] : undefined
  // An API server leaves null out.
  if (part === undefined || part === null) return undefined
  if (segment === name) return isObject(part) ? misfit(part, rest, here) : `${here} is no object`
  if (!Array.isArray(part)) return `${here} is no list`
  for (const [index, one] of part.entries()) {
    const each = `${here}[${index}]`
    if (segment.endsWith('*')) {
      if (typeof one === 'object') return `${each} is no word`
    } else if (!isObject(one)) return `${each} is no object`
    const found = misfit(one, rest, each)
    if (found !== undefined) return found
  }
  return undefined
}
