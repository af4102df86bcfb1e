import type { KubeObject } from '../objects.ts'
import { isObject, type JsonObject } from './json.ts'

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
  templateDefaults(spec)
}

export function serviceDefaults(service: KubeObject, previous: KubeObject | undefined): void {
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

function podSpecDefaults(spec: JsonObject): void {
  spec.restartPolicy ??= 'Always'
  spec.dnsPolicy ??= 'ClusterFirst'
  spec.schedulerName ??= 'default-scheduler'
  spec.serviceAccountName ??= spec.serviceAccount ?? 'default'
  spec.terminationGracePeriodSeconds ??= 30
  spec.securityContext ??= {}
  for (const container of [...members(spec.containers), ...members(spec.initContainers)]) {
    container.imagePullPolicy ??= 'IfNotPresent'
    container.terminationMessagePath ??= '/dev/termination-log'
    container.terminationMessagePolicy ??= 'File'
    container.resources ??= {}
    for (const port of members(container.ports)) port.protocol ??= 'TCP'
    for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
      if (isObject(container[name])) probeDefaults(container[name])
    }
  }
}

function probeDefaults(probe: JsonObject): void {
  probe.timeoutSeconds ??= 1
  probe.periodSeconds ??= 10
  probe.successThreshold ??= 1
  probe.failureThreshold ??= 3
  if (isObject(probe.httpGet)) {
    probe.httpGet.path ??= '/'
    probe.httpGet.scheme ??= 'HTTP'
  }
}

/** The object at `name`, made when missing. */
function part(parent: JsonObject, name: string): JsonObject {
  const present = parent[name]
  if (isObject(present)) return present
  const made: JsonObject = {}
  if (present === undefined || present === null) parent[name] = made
  return made
}

function members(list: unknown): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : []
}
