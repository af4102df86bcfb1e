import {
  daemonSetDefaults,
  deploymentDefaults,
  jobDefaults,
  namespaceDefaults,
  podDefaults,
  secretDefaults,
  secretText,
  statefulSetDefaults,
} from './defaults.ts'
import { immutableFields, podBindingProblems, podUpdateProblems, sealedData } from './immutable.ts'
import { type KindDefinition, kind } from './kind-table.ts'
import { MESH_KINDS } from './mesh-kinds.ts'
import { networkPolicyDefaults, webhookDefaults } from './policy-defaults.ts'
import { budgetProblems } from './rules/budgets.ts'
import { dataProblems } from './rules/data.ts'
import { podProblems } from './rules/pods.ts'
import { clusterIpProblems, serviceProblems } from './rules/services.ts'
import { jobProblems, workloadProblems } from './rules/workloads.ts'
import { serviceDefaults } from './service-defaults.ts'

const core = 'v1'
const apps = 'apps/v1'
const admission = 'admissionregistration.k8s.io/v1'

const clusterScoped = { namespaced: false } as const
const withStatus = { statusSubresource: true } as const
const inAll = { categories: ['all'] } as const
const workload = {
  ...withStatus,
  ...inAll,
  scale: true,
  problems: workloadProblems,
  updateProblems: immutableFields('spec.selector'),
} as const

/** What this API server serves. One row per kind; a new kind needs nothing else. */
export const KINDS: readonly KindDefinition[] = [
  kind(core, 'Namespace', 'namespaces', ['ns'], {
    ...clusterScoped,
    ...withStatus,
    counted: false,
    returnsDeleted: true,
    nameRule: 'label',
    fields: ['status.phase'],
    defaults: namespaceDefaults,
  }),
  kind(core, 'Node', 'nodes', ['no'], {
    ...clusterScoped,
    ...withStatus,
    counted: false,
    statusOnCreate: true,
    fields: ['spec.unschedulable'],
  }),
  kind(core, 'Pod', 'pods', ['po'], {
    ...withStatus,
    ...inAll,
    returnsDeleted: true,
    fields: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
    ],
    defaults: podDefaults,
    problems: podProblems,
    updateProblems: podUpdateProblems,
    clientProblems: podBindingProblems,
  }),
  kind(core, 'Service', 'services', ['svc'], {
    ...withStatus,
    ...inAll,
    counted: false,
    returnsDeleted: true,
    nameRule: 'service-label',
    fields: ['spec.clusterIP', 'spec.type'],
    defaults: serviceDefaults,
    problems: serviceProblems,
    updateProblems: clusterIpProblems,
  }),
  kind(core, 'ServiceAccount', 'serviceaccounts', ['sa'], { returnsDeleted: true }),
  kind(core, 'ConfigMap', 'configmaps', ['cm'], {
    problems: dataProblems,
    updateProblems: sealedData,
  }),
  kind(core, 'Secret', 'secrets', [], {
    fields: ['type'],
    defaults: secretDefaults,
    translate: secretText,
    problems: dataProblems,
    updateProblems: (secret, previous) => [
      ...immutableFields('type')(secret, previous),
      ...sealedData(secret, previous),
    ],
  }),
  kind(core, 'Event', 'events', ['ev'], {
    fields: [
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'type',
      'source',
      'reportingComponent',
    ],
  }),
  kind(apps, 'Deployment', 'deployments', ['deploy'], {
    ...workload,
    defaults: deploymentDefaults,
  }),
  kind(apps, 'ReplicaSet', 'replicasets', ['rs'], { ...workload, defaults: deploymentDefaults }),
  kind(apps, 'StatefulSet', 'statefulsets', ['sts'], {
    ...workload,
    defaults: statefulSetDefaults,
    updateProblems: immutableFields('spec.selector', 'spec.serviceName'),
  }),
  kind(apps, 'DaemonSet', 'daemonsets', ['ds'], {
    ...workload,
    scale: false,
    defaults: daemonSetDefaults,
  }),
  kind(apps, 'ControllerRevision', 'controllerrevisions'),
  kind('batch/v1', 'Job', 'jobs', [], {
    ...withStatus,
    ...inAll,
    fields: ['status.successful'],
    defaults: jobDefaults,
    problems: jobProblems,
    updateProblems: immutableFields('spec.selector', 'spec.template', 'spec.completions'),
  }),
  kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', ['pdb'], {
    ...withStatus,
    problems: budgetProblems,
  }),
  kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', [], {
    updateProblems: immutableFields('addressType'),
  }),
  kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', ['netpol'], {
    defaults: networkPolicyDefaults,
  }),
  kind('coordination.k8s.io/v1', 'Lease', 'leases', [], { counted: false }),
  kind(admission, 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', [], {
    ...clusterScoped,
    categories: ['api-extensions'],
    counted: true,
    defaults: webhookDefaults,
  }),
  kind(admission, 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', [], {
    ...clusterScoped,
    categories: ['api-extensions'],
    counted: true,
    defaults: webhookDefaults,
  }),
  kind(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    ['crd', 'crds'],
    { ...clusterScoped, ...withStatus, statusOnCreate: true, categories: ['api-extensions'] },
  ),
  ...MESH_KINDS,
]
