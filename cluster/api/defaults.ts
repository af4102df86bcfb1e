import type { KubeObject } from '../objects.ts'
import { isObject, type JsonObject, members, part } from './json.ts'
import { podSpecDefaults } from './pod-defaults.ts'

/**
 * What the API server of Kubernetes fills in, as far as this code and `kubectl` read it
 * (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go).
 */
export function podDefaults(pod: KubeObject, previous: KubeObject | undefined): void {
  podSpecDefaults(part(pod, 'spec'))
  if (previous === undefined) pod.status = { phase: 'Pending', qosClass: 'BestEffort' }
}

export function deploymentDefaults(workload: KubeObject): void {
  const spec = part(workload, 'spec')
  spec.replicas ??= 1
  if (workload.kind === 'Deployment') {
    spec.revisionHistoryLimit ??= 10
    spec.progressDeadlineSeconds ??= 600
    const strategy = part(spec, 'strategy')
    strategy.type ??= 'RollingUpdate'
    if (strategy.type === 'RollingUpdate') {
      const rolling = part(strategy, 'rollingUpdate')
      rolling.maxSurge ??= '25%'
      rolling.maxUnavailable ??= '25%'
    }
  }
  templateDefaults(spec)
}

export function daemonSetDefaults(daemonSet: KubeObject): void {
  const spec = part(daemonSet, 'spec')
  spec.revisionHistoryLimit ??= 10
  const strategy = part(spec, 'updateStrategy')
  strategy.type ??= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    const rolling = part(strategy, 'rollingUpdate')
    rolling.maxSurge ??= 0
    rolling.maxUnavailable ??= 1
  }
  templateDefaults(spec)
}

export function statefulSetDefaults(statefulSet: KubeObject): void {
  const spec = part(statefulSet, 'spec')
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  spec.podManagementPolicy ??= 'OrderedReady'
  const strategy = part(spec, 'updateStrategy')
  strategy.type ??= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') part(strategy, 'rollingUpdate').partition ??= 0
  templateDefaults(spec)
}

/** The API server also selects a job's pods, by its uid. */
export function jobDefaults(job: KubeObject, previous: KubeObject | undefined): void {
  const spec = part(job, 'spec')
  spec.parallelism ??= 1
  spec.completions ??= 1
  spec.backoffLimit ??= 6
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  if (previous === undefined && spec.manualSelector !== true) {
    const { uid = '', name } = job.metadata
    const own = { 'batch.kubernetes.io/controller-uid': uid, 'batch.kubernetes.io/job-name': name }
    spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } }
    const metadata = part(part(spec, 'template'), 'metadata')
    const labels = part(metadata, 'labels')
    Object.assign(labels, own, { 'controller-uid': uid, 'job-name': name })
  }
  templateDefaults(spec)
}

export function serviceDefaults(service: KubeObject, previous: KubeObject | undefined): void {
  if (previous === undefined) service.status = { loadBalancer: {} }
  const spec = part(service, 'spec')
  spec.type ??= 'ClusterIP'
  spec.sessionAffinity ??= 'None'
  spec.internalTrafficPolicy ??= 'Cluster'
  for (const port of members(spec.ports)) {
    port.protocol ??= 'TCP'
    port.targetPort ??= port.port
  }
  // An address once given stays, also when a client writes the service back without it.
  const given = previous && part(previous, 'spec')
  if (given?.clusterIP !== undefined && (spec.clusterIP ?? '') === '') {
    spec.clusterIP = given.clusterIP
    spec.clusterIPs ??= given.clusterIPs
  }
}

export function secretDefaults(secret: KubeObject): void {
  secret.type ??= 'Opaque'
  if (!isObject(secret.stringData)) return
  const data = part(secret, 'data')
  for (const [key, value] of Object.entries(secret.stringData)) {
    data[key] = Buffer.from(String(value)).toString('base64')
  }
  delete secret.stringData
}

export function namespaceDefaults(namespace: KubeObject, previous: KubeObject | undefined): void {
  namespace.metadata.labels ??= {}
  namespace.metadata.labels['kubernetes.io/metadata.name'] = namespace.metadata.name
  part(namespace, 'spec').finalizers ??= ['kubernetes']
  if (previous === undefined) namespace.status = { phase: 'Active' }
}

function templateDefaults(workloadSpec: JsonObject): void {
  const template = part(workloadSpec, 'template')
  podSpecDefaults(part(template, 'spec'))
}
