import type { KubeObject } from '../objects.ts'
import { isObject, type JsonObject, part } from './json.ts'
import { containersOf, podSpecDefaults } from './pod-defaults.ts'
import { qosClass, requestsFromLimits } from './quality-of-service.ts'

/**
 * What the API server of Kubernetes fills in, as far as this code and `kubectl` read it
 * (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go).
 */
export function podDefaults(pod: KubeObject, previous: KubeObject | undefined): void {
  const spec = part(pod, 'spec')
  spec.serviceAccountName ||= spec.serviceAccount || 'default'
  spec.enableServiceLinks ??= true
  podSpecDefaults(spec)
  for (const container of containersOf(spec)) requestsFromLimits(container)
  if (previous === undefined) pod.status = { phase: 'Pending', qosClass: qosClass(spec) }
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
  const claims = part(spec, 'persistentVolumeClaimRetentionPolicy')
  claims.whenDeleted ??= 'Retain'
  claims.whenScaled ??= 'Retain'
  templateDefaults(spec)
}

/** The API server also selects a job's pods, by its uid. */
export function jobDefaults(job: KubeObject, previous: KubeObject | undefined): void {
  const spec = part(job, 'spec')
  if (spec.parallelism === undefined) spec.completions ??= 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= 6
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  spec.manualSelector ??= false
  if (previous === undefined && spec.manualSelector !== true) {
    const { uid = '', name } = job.metadata
    const own = { 'batch.kubernetes.io/controller-uid': uid, 'batch.kubernetes.io/job-name': name }
    spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } }
    const metadata = part(part(spec, 'template'), 'metadata')
    const labels = part(metadata, 'labels')
    Object.assign(labels, own, { 'controller-uid': uid, 'job-name': name })
    if (Object.keys(job.metadata.labels ?? {}).length === 0) {
      job.metadata.labels = { ...labels } as Record<string, string>
    }
  }
  templateDefaults(spec)
}

export function secretDefaults(secret: KubeObject): void {
  secret.type ??= 'Opaque'
  secretText(secret)
}

export function secretText(secret: KubeObject): void {
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
