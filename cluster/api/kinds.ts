import {
  daemonSetDefaults,
  deploymentDefaults,
  namespaceDefaults,
  podDefaults,
  secretDefaults,
  serviceDefaults,
} from './defaults.ts'
import { immutableFields, podUpdateProblems } from './immutable.ts'
import type { KindDefinition } from './kind-table.ts'

const core = 'v1'
const apps = 'apps/v1'
const gateway = 'gateway.networking.k8s.io/v1'
const security = 'security.istio.io/v1'
const networking = 'networking.istio.io/v1'

const clusterScoped = { namespaced: false } as const
const withStatus = { statusSubresource: true } as const
const custom = { ...withStatus, custom: true } as const
const inAll = { categories: ['all'] } as const
const workload = {
  ...withStatus,
  ...inAll,
  scale: true,
  updateProblems: immutableFields('spec.selector'),
} as const

/** What this API server serves. One row per kind; a new kind needs nothing else. */
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
  kind(gateway, 'GatewayClass', 'gatewayclasses', ['gc'], { ...clusterScoped, ...custom }),
  kind(gateway, 'Gateway', 'gateways', ['gtw'], custom),
  kind(gateway, 'HTTPRoute', 'httproutes', [], custom),
  kind(security, 'AuthorizationPolicy', 'authorizationpolicies', ['ap'], custom),
  kind(security, 'PeerAuthentication', 'peerauthentications', ['pa'], custom),
  kind(security, 'RequestAuthentication', 'requestauthentications', ['ra'], custom),
  kind(networking, 'VirtualService', 'virtualservices', ['vs'], custom),
  kind(networking, 'DestinationRule', 'destinationrules', ['dr'], custom),
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
