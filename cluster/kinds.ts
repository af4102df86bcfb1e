import type { KindRef } from './api/store.ts'
import type { Condition, KubeObject } from './objects.ts'

/** The Kubernetes kinds this code reads, and only the fields it reads. */
export const kinds = {
  namespace: { apiVersion: 'v1', kind: 'Namespace' },
  node: { apiVersion: 'v1', kind: 'Node' },
  pod: { apiVersion: 'v1', kind: 'Pod' },
  service: { apiVersion: 'v1', kind: 'Service' },
  configMap: { apiVersion: 'v1', kind: 'ConfigMap' },
  serviceAccount: { apiVersion: 'v1', kind: 'ServiceAccount' },
  deployment: { apiVersion: 'apps/v1', kind: 'Deployment' },
  replicaSet: { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
  daemonSet: { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  statefulSet: { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  controllerRevision: { apiVersion: 'apps/v1', kind: 'ControllerRevision' },
  job: { apiVersion: 'batch/v1', kind: 'Job' },
  disruptionBudget: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  event: { apiVersion: 'v1', kind: 'Event' },
  endpointSlice: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
  peerAuthentication: { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication' },
  gateway: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway' },
  gatewayClass: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GatewayClass' },
} as const satisfies Record<string, KindRef>

export interface Namespace extends KubeObject {
  status?: { phase?: string }
}

export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean }
  status?: { conditions?: Condition[]; [key: string]: unknown }
}

export interface Pod extends KubeObject {
  spec: PodSpec
  status?: PodStatus
}

export interface PodSpec {
  nodeName?: string
  nodeSelector?: Record<string, string>
  serviceAccountName?: string
  hostNetwork?: boolean
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  terminationGracePeriodSeconds?: number
  initContainers?: Container[]
  containers: Container[]
  [key: string]: unknown
}

export interface Container {
  name: string
  image: string
  args?: string[]
  env?: EnvVar[]
  ports?: ContainerPort[]
  /** `Always` on an init container makes it a native sidecar. */
  restartPolicy?: 'Always'
  readinessProbe?: Probe
  livenessProbe?: Probe
  startupProbe?: Probe
  [key: string]: unknown
}

export interface ContainerPort {
  containerPort: number
  name?: string
  protocol?: string
}

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: { fieldRef?: { fieldPath: string } }
}

export interface Probe {
  httpGet?: {
    path?: string
    port: number | string
    httpHeaders?: { name: string; value: string }[]
  }
  tcpSocket?: { port: number | string }
  initialDelaySeconds?: number
  periodSeconds?: number
  timeoutSeconds?: number
  successThreshold?: number
  failureThreshold?: number
}

export interface PodStatus {
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
  message?: string
  reason?: string
  podIP?: string
  podIPs?: { ip: string }[]
  hostIP?: string
  startTime?: string
  qosClass?: string
  conditions?: Condition[]
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
}

export interface ContainerStatus {
  name: string
  image: string
  imageID: string
  /** `process://<pid>` while it runs. */
  containerID?: string
  ready: boolean
  started: boolean
  restartCount: number
  state: ContainerState
  lastState: ContainerState
}

export interface ContainerState {
  waiting?: { reason: string; message?: string }
  running?: { startedAt: string }
  terminated?: TerminatedState
}

export interface TerminatedState {
  exitCode: number
  signal?: number
  reason: string
  message?: string
  startedAt: string
  finishedAt: string
  containerID?: string
}

export interface Service extends KubeObject {
  spec: {
    type?: string
    clusterIP?: string
    clusterIPs?: string[]
    selector?: Record<string, string>
    ports?: ServicePort[]
    [key: string]: unknown
  }
}

export interface ServicePort {
  name?: string
  port: number
  targetPort?: number | string
  protocol?: string
  appProtocol?: string
}

export interface EndpointSlice extends KubeObject {
  addressType: string
  endpoints: Endpoint[]
  ports: { name?: string; port: number; protocol?: string; appProtocol?: string }[]
}

export interface Endpoint {
  addresses: string[]
  conditions: { ready: boolean; serving: boolean; terminating: boolean }
  nodeName?: string
  targetRef?: { kind: string; namespace: string; name: string; uid: string }
}

export interface PodTemplate {
  metadata?: {
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
  spec: PodSpec
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: {
    key: string
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    values?: string[]
  }[]
}

export interface Deployment extends KubeObject {
  spec: {
    replicas?: number
    selector: LabelSelector
    template: PodTemplate
    strategy?: {
      type?: 'RollingUpdate' | 'Recreate'
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }
    }
    minReadySeconds?: number
    revisionHistoryLimit?: number
    /** Scales what there is, but brings no new template into being. */
    paused?: boolean
  }
  status?: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    readyReplicas?: number
    availableReplicas?: number
    unavailableReplicas?: number
    conditions?: Condition[]
  }
}

export interface ReplicaSet extends KubeObject {
  spec: {
    replicas?: number
    minReadySeconds?: number
    selector: LabelSelector
    template: PodTemplate
  }
  status?: {
    observedGeneration?: number
    replicas: number
    readyReplicas?: number
    availableReplicas?: number
  }
}

export interface DaemonSet extends KubeObject {
  spec: {
    selector: LabelSelector
    template: PodTemplate
    minReadySeconds?: number
    revisionHistoryLimit?: number
    updateStrategy?: {
      type?: string
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }
    }
  }
  status?: {
    observedGeneration?: number
    desiredNumberScheduled: number
    currentNumberScheduled: number
    numberReady: number
    numberAvailable?: number
    numberMisscheduled: number
    updatedNumberScheduled?: number
  }
}

export interface PeerAuthentication extends KubeObject {
  spec?: {
    selector?: { matchLabels?: Record<string, string> }
    mtls?: { mode?: 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT' }
    /** By container port. */
    portLevelMtls?: Record<string, { mode?: 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT' }>
  }
}

export interface StatefulSet extends KubeObject {
  spec: {
    replicas?: number
    serviceName?: string
    selector: LabelSelector
    template: PodTemplate
    podManagementPolicy?: 'OrderedReady' | 'Parallel'
    minReadySeconds?: number
    revisionHistoryLimit?: number
    updateStrategy?: {
      type?: 'RollingUpdate' | 'OnDelete'
      rollingUpdate?: { partition?: number }
    }
  }
  status?: {
    observedGeneration?: number
    replicas: number
    readyReplicas?: number
    currentReplicas?: number
    updatedReplicas?: number
    availableReplicas?: number
    currentRevision?: string
    updateRevision?: string
    collisionCount?: number
  }
}

export interface ControllerRevision extends KubeObject {
  data?: unknown
  revision: number
}

export interface Job extends KubeObject {
  spec: {
    parallelism?: number
    completions?: number
    backoffLimit?: number
    activeDeadlineSeconds?: number
    ttlSecondsAfterFinished?: number
    suspend?: boolean
    template: PodTemplate
  }
  status?: {
    startTime?: string
    completionTime?: string
    active?: number
    ready?: number
    succeeded?: number
    failed?: number
    conditions?: Condition[]
  }
}

export interface DisruptionBudget extends KubeObject {
  spec: {
    selector?: LabelSelector
    minAvailable?: number | string
    maxUnavailable?: number | string
  }
  status?: {
    observedGeneration?: number
    expectedPods: number
    currentHealthy: number
    desiredHealthy: number
    disruptionsAllowed: number
    disruptedPods?: Record<string, string>
    conditions?: Condition[]
  }
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

export interface Gateway extends KubeObject {
  spec: {
    gatewayClassName: string
    listeners?: {
      name: string
      port: number
      protocol: string
      allowedRoutes?: { namespaces?: { from?: string; selector?: LabelSelector } }
    }[]
  }
  status?: {
    addresses?: { type: string; value: string }[]
    conditions?: Condition[]
    listeners?: unknown[]
  }
}
