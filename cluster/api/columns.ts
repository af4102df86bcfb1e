import type { KubeObject } from '../objects.ts'
import { age } from './age.ts'
import { isObject, members, valueAt } from './json.ts'
import { podReady, podRestarts, podState, readinessGates } from './pod-columns.ts'
import { selectorText } from './selector-text.ts'
import { serviceAddresses, servicePorts } from './service-columns.ts'

export interface Column {
  readonly name: string
  /** Shown by `kubectl get -o wide` only. */
  readonly wide?: boolean
  readonly type?: 'string' | 'integer'
  readonly value: (object: Readonly<KubeObject>, nowMs: number) => string | number
}

type Row = Readonly<KubeObject>

function text(name: string, path: string, fallback = '<none>'): Column {
  return { name, value: (row) => String(valueAt(row, path) ?? fallback) }
}

function count(name: string, path: string): Column {
  return { name, type: 'integer', value: (row) => Number(valueAt(row, path) ?? 0) }
}

function wide(column: Column): Column {
  return { ...column, wide: true }
}

function condition(name: string, type: string): Column {
  return { name, value: (row) => conditionStatus(row, type) }
}

function conditionStatus(row: Row, type: string): string {
  const found = members(valueAt(row, 'status.conditions')).find((it) => it.type === type)
  return String(found?.status ?? 'Unknown')
}

function labels(path: string): (row: Row) => string {
  return (row) => selectorText({ matchLabels: valueAt(row, path) })
}

function selector(path: string): (row: Row) => string {
  return (row) => selectorText(valueAt(row, path))
}

function listed(path: string, member: string): (row: Row) => string {
  return (row) =>
    members(valueAt(row, path))
      .map((it) => String(it[member] ?? ''))
      .join(',') || '<none>'
}

function plain(path: string): (row: Row) => string {
  return (row) => {
    const list = valueAt(row, path)
    return Array.isArray(list) ? JSON.stringify(list) : ''
  }
}

function jobState(row: Row): string {
  const held = members(valueAt(row, 'status.conditions')).filter(({ status }) => status === 'True')
  const says = (wanted: string): boolean => held.some(({ type }) => type === wanted)
  if (says('Complete')) return 'Complete'
  if (says('Failed')) return 'Failed'
  if (row.metadata.deletionTimestamp !== undefined) return 'Terminating'
  const rest = ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']
  return rest.find(says) ?? 'Running'
}

function jobCompletions(row: Row): string {
  const done = valueAt(row, 'status.succeeded') ?? 0
  const wanted = valueAt(row, 'spec.completions')
  if (wanted !== undefined) return `${done}/${wanted}`
  const parallelism = Number(valueAt(row, 'spec.parallelism') ?? 0)
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`
}

function jobDuration(row: Row, nowMs: number): string {
  const ended = valueAt(row, 'status.completionTime')
  const began = valueAt(row, 'status.startTime')
  if (began === undefined) return ''
  return age(began, typeof ended === 'string' ? Date.parse(ended) : nowMs)
}

const created: Column = {
  name: 'Age',
  value: ({ metadata }, nowMs) => age(metadata.creationTimestamp, nowMs),
}

function eventTarget({ involvedObject }: Row): string {
  const { kind = '', name } = isObject(involvedObject) ? involvedObject : {}
  return [String(kind).toLowerCase(), ...(name ? [String(name)] : [])].join('/')
}

function eventSource({ source, reportingComponent, reportingInstance }: Row): string {
  const { component, host } = isObject(source) ? source : {}
  return [component || reportingComponent, host || reportingInstance].filter(Boolean).join(', ')
}

/** `deployment.apps/web`: whose revision it is. */
function controllerName({ metadata }: Row): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller)
  if (owner === undefined) return '<none>'
  const [group, version] = owner.apiVersion.split('/')
  return `${owner.kind.toLowerCase()}${version === undefined ? '' : `.${group}`}/${owner.name}`
}

const webhookCount: Column = {
  name: 'Webhooks',
  type: 'integer',
  value: ({ webhooks }) => (Array.isArray(webhooks) ? webhooks.length : 0),
}

const dataCount: Column = {
  name: 'Data',
  type: 'integer',
  value: ({ data, binaryData }) =>
    [data, binaryData].reduce<number>(
      (sum, map) => sum + (isObject(map) ? Object.keys(map).length : 0),
      0,
    ),
}

const podTemplate: readonly Column[] = [
  wide({ name: 'Containers', value: listed('spec.template.spec.containers', 'name') }),
  wide({ name: 'Images', value: listed('spec.template.spec.containers', 'image') }),
  wide({ name: 'Selector', value: selector('spec.selector') }),
]

function nodeState(row: Row): string {
  const ready = conditionStatus(row, 'Ready')
  const known = members(valueAt(row, 'status.conditions')).some(({ type }) => type === 'Ready')
  const state = known ? (ready === 'True' ? 'Ready' : 'NotReady') : 'Unknown'
  return valueAt(row, 'spec.unschedulable') === true ? `${state},SchedulingDisabled` : state
}

function nodeKernel(row: Row): string {
  const kernel = valueAt(row, 'status.nodeInfo.kernelVersion') || '<unknown>'
  const architecture = valueAt(row, 'status.nodeInfo.architecture') || undefined
  return architecture === undefined ? String(kernel) : `${kernel} (${architecture})`
}

function nodeRoles({ metadata }: Row): string {
  const prefix = 'node-role.kubernetes.io/'
  const roles = Object.keys(metadata.labels ?? {}).filter((key) => key.startsWith(prefix))
  return (
    roles
      .map((key) => key.slice(prefix.length))
      .toSorted()
      .join(',') || '<none>'
  )
}

function nodeAddress(wanted: 'InternalIP' | 'ExternalIP'): (row: Row) => string {
  return (row) => {
    const addresses = members(valueAt(row, 'status.addresses'))
    return String(addresses.find(({ type }) => type === wanted)?.address ?? '<none>')
  }
}

function endpointAddresses(row: Row): string {
  return firstOf(
    members(row.endpoints).flatMap((it) =>
      Array.isArray(it.addresses) ? it.addresses.map(String) : [],
    ),
  )
}

function endpointPorts(row: Row): string {
  return firstOf(members(row.ports).map(({ port, name }) => String(port ?? name ?? '*')))
}

/** `127.0.0.1,127.0.0.2,127.0.0.3 + 2 more...` */
function firstOf(list: readonly string[]): string {
  const shown = 3
  const more = list.length > shown ? ` + ${list.length - shown} more...` : ''
  return `${list.slice(0, shown).join(',')}${more}` || '<unset>'
}

/** What `kubectl get` shows of a kind between name and age, as a real cluster does. */
export const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  'v1/Namespace': [text('Status', 'status.phase')],
  'v1/Node': [
    { name: 'Status', value: nodeState },
    { name: 'Roles', value: nodeRoles },
    created,
    text('Version', 'status.nodeInfo.kubeletVersion', ''),
    wide({ name: 'Internal-IP', value: nodeAddress('InternalIP') }),
    wide({ name: 'External-IP', value: nodeAddress('ExternalIP') }),
    wide(text('OS-Image', 'status.nodeInfo.osImage', '<unknown>')),
    wide({ name: 'Kernel-Version', value: nodeKernel }),
    wide(text('Container-Runtime', 'status.nodeInfo.containerRuntimeVersion', '<unknown>')),
  ],
  'v1/Pod': [
    { name: 'Ready', value: podReady },
    { name: 'Status', value: podState },
    { name: 'Restarts', value: podRestarts },
    wide(text('IP', 'status.podIP')),
    wide(text('Node', 'spec.nodeName')),
    wide(text('Nominated Node', 'status.nominatedNodeName')),
    wide({ name: 'Readiness Gates', value: readinessGates }),
  ],
  'v1/Service': [
    text('Type', 'spec.type'),
    text('Cluster-IP', 'spec.clusterIP'),
    { name: 'External-IP', value: serviceAddresses },
    { name: 'Port(s)', value: servicePorts },
    wide({ name: 'Selector', value: labels('spec.selector') }),
  ],
  'v1/ServiceAccount': [],
  'v1/ConfigMap': [dataCount],
  'v1/Secret': [text('Type', 'type'), dataCount],
  'v1/Event': [
    {
      name: 'Last Seen',
      value: (row, nowMs) => age(row.lastTimestamp ?? row.metadata.creationTimestamp, nowMs),
    },
    text('Type', 'type', ''),
    text('Reason', 'reason', ''),
    { name: 'Object', value: eventTarget },
    wide(text('Subobject', 'involvedObject.fieldPath', '')),
    wide({ name: 'Source', value: eventSource }),
    text('Message', 'message', ''),
    wide({
      name: 'First Seen',
      value: (row, nowMs) => age(row.firstTimestamp ?? row.metadata.creationTimestamp, nowMs),
    }),
    wide({ name: 'Count', type: 'integer', value: ({ count = 1 }) => Number(count) }),
    wide(text('Name', 'metadata.name')),
  ],
  'apps/v1/Deployment': [
    {
      name: 'Ready',
      value: (row) =>
        `${valueAt(row, 'status.readyReplicas') ?? 0}/${valueAt(row, 'spec.replicas') ?? 0}`,
    },
    count('Up-to-date', 'status.updatedReplicas'),
    count('Available', 'status.availableReplicas'),
    ...podTemplate,
  ],
  'apps/v1/ReplicaSet': [
    count('Desired', 'spec.replicas'),
    count('Current', 'status.replicas'),
    count('Ready', 'status.readyReplicas'),
    ...podTemplate,
  ],
  'apps/v1/StatefulSet': [
    {
      name: 'Ready',
      value: (row) =>
        `${valueAt(row, 'status.readyReplicas') ?? 0}/${valueAt(row, 'spec.replicas') ?? 0}`,
    },
    wide({ name: 'Containers', value: listed('spec.template.spec.containers', 'name') }),
    wide({ name: 'Images', value: listed('spec.template.spec.containers', 'image') }),
  ],
  'apps/v1/ControllerRevision': [
    { name: 'Controller', value: controllerName },
    count('Revision', 'revision'),
  ],
  'apps/v1/DaemonSet': [
    count('Desired', 'status.desiredNumberScheduled'),
    count('Current', 'status.currentNumberScheduled'),
    count('Ready', 'status.numberReady'),
    count('Up-to-date', 'status.updatedNumberScheduled'),
    count('Available', 'status.numberAvailable'),
    { name: 'Node Selector', value: labels('spec.template.spec.nodeSelector') },
    ...podTemplate,
  ],
  'batch/v1/Job': [
    { name: 'Status', value: jobState },
    { name: 'Completions', value: jobCompletions },
    { name: 'Duration', value: jobDuration },
    wide({ name: 'Containers', value: listed('spec.template.spec.containers', 'name') }),
    wide({ name: 'Images', value: listed('spec.template.spec.containers', 'image') }),
    wide({ name: 'Selector', value: selector('spec.selector') }),
  ],
  'policy/v1/PodDisruptionBudget': [
    text('Min Available', 'spec.minAvailable', 'N/A'),
    text('Max Unavailable', 'spec.maxUnavailable', 'N/A'),
    count('Allowed Disruptions', 'status.disruptionsAllowed'),
  ],
  'networking.k8s.io/v1/NetworkPolicy': [
    { name: 'Pod-Selector', value: selector('spec.podSelector') },
  ],
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': [webhookCount],
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': [webhookCount],
  'discovery.k8s.io/v1/EndpointSlice': [
    text('AddressType', 'addressType'),
    { name: 'Ports', value: endpointPorts },
    { name: 'Endpoints', value: endpointAddresses },
  ],
  'apiextensions.k8s.io/v1/CustomResourceDefinition': [
    {
      name: 'Created At',
      value: ({ metadata }) => String(metadata.creationTimestamp ?? '<unknown>'),
    },
  ],
  'coordination.k8s.io/v1/Lease': [text('Holder', 'spec.holderIdentity', '')],
  'gateway.networking.k8s.io/v1/GatewayClass': [
    text('Controller', 'spec.controllerName'),
    condition('Accepted', 'Accepted'),
  ],
  'gateway.networking.k8s.io/v1/Gateway': [
    text('Class', 'spec.gatewayClassName'),
    { name: 'Address', value: listed('status.addresses', 'value') },
    condition('Programmed', 'Programmed'),
  ],
  'gateway.networking.k8s.io/v1/HTTPRoute': [{ name: 'Hostnames', value: plain('spec.hostnames') }],
  'networking.istio.io/v1/VirtualService': [
    { name: 'Gateways', value: plain('spec.gateways') },
    { name: 'Hosts', value: plain('spec.hosts') },
  ],
  'networking.istio.io/v1/DestinationRule': [text('Host', 'spec.host')],
  'networking.istio.io/v1/ServiceEntry': [
    { name: 'Hosts', value: plain('spec.hosts') },
    text('Location', 'spec.location', ''),
    text('Resolution', 'spec.resolution', ''),
  ],
  'networking.istio.io/v1/WorkloadEntry': [text('Address', 'spec.address', '')],
  'security.istio.io/v1/AuthorizationPolicy': [text('Action', 'spec.action', 'ALLOW')],
  'security.istio.io/v1/PeerAuthentication': [text('Mode', 'spec.mtls.mode', 'UNSET')],
}
