import { type StatusCause, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import {
  daemonSetDefaults,
  deploymentDefaults,
  namespaceDefaults,
  podDefaults,
  secretDefaults,
  serviceDefaults,
} from './defaults.ts'
import { immutableFields, podUpdateProblems } from './immutable.ts'
import type { NameRule } from './names.ts'
import type { KindRef } from './store.ts'

/** One row per kind; a new kind needs nothing else. */
export interface KindDefinition extends KindRef {
  readonly plural: string
  readonly singular: string
  readonly shortNames?: readonly string[]
  readonly namespaced: boolean
  /** Whether `update` leaves `status` alone and `/status` touches nothing else. */
  readonly statusSubresource?: boolean
  /** Whether `/scale` reads and writes `spec.replicas`. */
  readonly scale?: boolean
  /** Whether a status sent along with a new object is kept. */
  readonly statusOnCreate?: boolean
  /** @default 'subdomain' */
  readonly nameRule?: NameRule
  /** Fields it can be selected by, besides metadata.name and metadata.namespace. */
  readonly fields?: readonly string[]
  readonly categories?: readonly string[]
  /** Fills in what Kubernetes would; `previous` is the stored object on an update. */
  readonly defaults?: (object: KubeObject, previous: KubeObject | undefined) => void
  readonly updateProblems?: (object: KubeObject, previous: KubeObject) => StatusCause[]
}

const core = 'v1'
const apps = 'apps/v1'
const gateway = 'gateway.networking.k8s.io/v1'
const security = 'security.istio.io/v1'
const networking = 'networking.istio.io/v1'

const clusterScoped = { namespaced: false } as const
const withStatus = { statusSubresource: true } as const
const inAll = { categories: ['all'] } as const
const workload = {
  ...withStatus,
  ...inAll,
  scale: true,
  updateProblems: immutableFields('spec.selector'),
} as const

export const KINDS: readonly KindDefinition[] = [
  kind(core, 'Namespace', 'namespaces', ['ns'], {
    ...clusterScoped,
    ...withStatus,
    nameRule: 'label',
    fields: ['status.phase'],
    defaults: namespaceDefaults,
  }),
  kind(core, 'Node', 'nodes', ['no'], {
    ...clusterScoped,
    ...withStatus,
    statusOnCreate: true,
    fields: ['spec.unschedulable'],
  }),
  kind(core, 'Pod', 'pods', ['po'], {
    ...withStatus,
    ...inAll,
    fields: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
    ],
    defaults: podDefaults,
    updateProblems: podUpdateProblems,
  }),
  kind(core, 'Service', 'services', ['svc'], {
    ...withStatus,
    ...inAll,
    nameRule: 'service-label',
    fields: ['spec.clusterIP', 'spec.type'],
    defaults: serviceDefaults,
    updateProblems: immutableFields('spec.clusterIP'),
  }),
  kind(core, 'ServiceAccount', 'serviceaccounts', ['sa']),
  kind(core, 'ConfigMap', 'configmaps', ['cm']),
  kind(core, 'Secret', 'secrets', [], {
    fields: ['type'],
    defaults: secretDefaults,
    updateProblems: immutableFields('type'),
  }),
  kind(core, 'Event', 'events', ['ev'], {
    fields: [
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'reason',
      'type',
      'source',
    ],
  }),
  kind(apps, 'Deployment', 'deployments', ['deploy'], {
    ...workload,
    defaults: deploymentDefaults,
  }),
  kind(apps, 'ReplicaSet', 'replicasets', ['rs'], { ...workload, defaults: deploymentDefaults }),
  kind(apps, 'DaemonSet', 'daemonsets', ['ds'], {
    ...workload,
    scale: false,
    defaults: daemonSetDefaults,
  }),
  kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', [], {
    updateProblems: immutableFields('addressType'),
  }),
  kind('coordination.k8s.io/v1', 'Lease', 'leases'),
  kind(gateway, 'GatewayClass', 'gatewayclasses', ['gc'], { ...clusterScoped, ...withStatus }),
  kind(gateway, 'Gateway', 'gateways', ['gtw'], withStatus),
  kind(gateway, 'HTTPRoute', 'httproutes', [], withStatus),
  kind(security, 'AuthorizationPolicy', 'authorizationpolicies', ['ap'], withStatus),
  kind(security, 'PeerAuthentication', 'peerauthentications', ['pa'], withStatus),
  kind(security, 'RequestAuthentication', 'requestauthentications', ['ra'], withStatus),
  kind(networking, 'VirtualService', 'virtualservices', ['vs'], withStatus),
  kind(networking, 'DestinationRule', 'destinationrules', ['dr'], withStatus),
]

function kind(
  apiVersion: string,
  name: string,
  plural: string,
  shortNames: readonly string[] = [],
  traits: Partial<KindDefinition> = {},
): KindDefinition {
  const singular = name.toLowerCase()
  return { apiVersion, kind: name, plural, singular, shortNames, namespaced: true, ...traits }
}

/** Finds kinds by what an object says or by what a URL says. */
export interface KindTable {
  readonly all: readonly KindDefinition[]
  /** Throws NotFound for a kind this server does not have. */
  of(ref: KindRef): KindDefinition
  byPath(apiVersion: string, plural: string): KindDefinition | undefined
}

export function kindTable(kinds: readonly KindDefinition[]): KindTable {
  const byKind = new Map(kinds.map((row) => [`${row.apiVersion}/${row.kind}`, row]))
  const byPath = new Map(kinds.map((row) => [`${row.apiVersion}/${row.plural}`, row]))
  return {
    all: kinds,
    of: ({ apiVersion, kind }) => {
      const definition = byKind.get(`${apiVersion}/${kind}`)
      if (definition === undefined) {
        throw statusError('NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`)
      }
      return definition
    },
    byPath: (apiVersion, plural) => byPath.get(`${apiVersion}/${plural}`),
  }
}

export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
}

/** `deployments.apps`, `pods`: how messages name a resource. */
export function qualifiedPlural({ apiVersion, plural }: KindDefinition): string {
  const group = groupOf(apiVersion)
  return group === '' ? plural : `${plural}.${group}`
}
