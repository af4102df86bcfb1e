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
  /** Of the namespaces to migrate only: a big cluster keeps ten for every Deployment. */
  replicaSet: { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
  statefulSet: { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  daemonSet: { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  job: { apiVersion: 'batch/v1', kind: 'Job' },
  cronJob: { apiVersion: 'batch/v1', kind: 'CronJob' },
  disruptionBudget: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  autoscaler: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
  networkPolicy: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  mutatingWebhook: {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
  },
  /** Only those of the Gateway API that waypoints need. */
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
  resourceQuota: { apiVersion: 'v1', kind: 'ResourceQuota' },
  ciliumClusterwideNetworkPolicy: {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumClusterwideNetworkPolicy',
  },
  felixConfiguration: { apiVersion: 'crd.projectcalico.org/v1', kind: 'FelixConfiguration' },
  securityGroupPolicy: { apiVersion: 'vpcresources.k8s.aws/v1beta1', kind: 'SecurityGroupPolicy' },
  /** The operator's, which says how OVN-Kubernetes routes. */
  openShiftNetwork: { apiVersion: 'operator.openshift.io/v1', kind: 'Network' },
  podMonitor: { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor' },
  serviceMonitor: { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' },
  prometheusRule: { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule' },
} as const satisfies Record<string, KindRef>

export type InventoryKind = keyof typeof inventoryKinds
