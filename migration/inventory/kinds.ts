import type { KindRef } from '../../cluster/api/store.ts'

/** Everything a migration reads, by the name the code uses for it. */
export const inventoryKinds = {
  namespace: { apiVersion: 'v1', kind: 'Namespace' },
  node: { apiVersion: 'v1', kind: 'Node' },
  pod: { apiVersion: 'v1', kind: 'Pod' },
  service: { apiVersion: 'v1', kind: 'Service' },
  serviceAccount: { apiVersion: 'v1', kind: 'ServiceAccount' },
  /** Only those the mesh is configured with. */
  configMap: { apiVersion: 'v1', kind: 'ConfigMap' },
  /** Only names and labels, and only remote-cluster secrets of the root namespace. */
  secret: { apiVersion: 'v1', kind: 'Secret' },
  deployment: { apiVersion: 'apps/v1', kind: 'Deployment' },
  replicaSet: { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
  statefulSet: { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  daemonSet: { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  job: { apiVersion: 'batch/v1', kind: 'Job' },
  disruptionBudget: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  autoscaler: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
  networkPolicy: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  mutatingWebhook: {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
  },
  customResourceDefinition: {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
  },
  gatewayClass: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GatewayClass' },
  gateway: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway' },
  httpRoute: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute' },
  grpcRoute: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GRPCRoute' },
  authorizationPolicy: { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' },
  peerAuthentication: { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication' },
  requestAuthentication: { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication' },
  virtualService: { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService' },
  destinationRule: { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule' },
  istioGateway: { apiVersion: 'networking.istio.io/v1', kind: 'Gateway' },
  serviceEntry: { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry' },
  sidecar: { apiVersion: 'networking.istio.io/v1', kind: 'Sidecar' },
  workloadEntry: { apiVersion: 'networking.istio.io/v1', kind: 'WorkloadEntry' },
  workloadGroup: { apiVersion: 'networking.istio.io/v1', kind: 'WorkloadGroup' },
  envoyFilter: { apiVersion: 'networking.istio.io/v1alpha3', kind: 'EnvoyFilter' },
  proxyConfig: { apiVersion: 'networking.istio.io/v1beta1', kind: 'ProxyConfig' },
  telemetry: { apiVersion: 'telemetry.istio.io/v1', kind: 'Telemetry' },
  wasmPlugin: { apiVersion: 'extensions.istio.io/v1alpha1', kind: 'WasmPlugin' },
} as const satisfies Record<string, KindRef>

export type InventoryKind = keyof typeof inventoryKinds
