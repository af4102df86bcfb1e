import type { Store } from '../api/store.ts'
import {
  type ConfigMap,
  type DaemonSet,
  type Deployment,
  type DisruptionBudget,
  type EndpointSlice,
  type Gateway,
  type Job,
  kinds,
  type Namespace,
  type Node,
  type PeerAuthentication,
  type Pod,
  type ReplicaSet,
  type Service,
  type StatefulSet,
} from '../kinds.ts'
import {
  type AuthorizationPolicy,
  type DestinationRule,
  type HttpRoute,
  meshKinds,
  type RequestAuthentication,
  type Telemetry,
  type VirtualService,
} from '../mesh/istio-objects.ts'
import type { KubeObject } from '../objects.ts'
import { createInformer, type Informer } from './informer.ts'

/** One shared copy of everything that controllers, node agents and the mesh control plane look at. */
export interface ClusterView {
  readonly namespaces: Informer<Namespace>
  readonly nodes: Informer<Node>
  readonly pods: Informer<Pod>
  readonly services: Informer<Service>
  readonly configMaps: Informer<ConfigMap>
  readonly serviceAccounts: Informer<KubeObject>
  readonly deployments: Informer<Deployment>
  readonly replicaSets: Informer<ReplicaSet>
  readonly daemonSets: Informer<DaemonSet>
  readonly statefulSets: Informer<StatefulSet>
  readonly jobs: Informer<Job>
  readonly disruptionBudgets: Informer<DisruptionBudget>
  readonly endpointSlices: Informer<EndpointSlice>
  readonly gateways: Informer<Gateway>
  readonly gatewayClasses: Informer<KubeObject>
  readonly peerAuthentications: Informer<PeerAuthentication>
  readonly authorizationPolicies: Informer<AuthorizationPolicy>
  readonly requestAuthentications: Informer<RequestAuthentication>
  readonly telemetries: Informer<Telemetry>
  readonly httpRoutes: Informer<HttpRoute>
  readonly virtualServices: Informer<VirtualService>
  readonly destinationRules: Informer<DestinationRule>
  stop(): void
}

export function createView(store: Store): ClusterView {
  const informers = {
    namespaces: createInformer<Namespace>(store, kinds.namespace),
    nodes: createInformer<Node>(store, kinds.node),
    pods: createInformer<Pod>(store, kinds.pod),
    services: createInformer<Service>(store, kinds.service),
    configMaps: createInformer<ConfigMap>(store, kinds.configMap),
    serviceAccounts: createInformer<KubeObject>(store, kinds.serviceAccount),
    deployments: createInformer<Deployment>(store, kinds.deployment),
    replicaSets: createInformer<ReplicaSet>(store, kinds.replicaSet),
    daemonSets: createInformer<DaemonSet>(store, kinds.daemonSet),
    statefulSets: createInformer<StatefulSet>(store, kinds.statefulSet),
    jobs: createInformer<Job>(store, kinds.job),
    disruptionBudgets: createInformer<DisruptionBudget>(store, kinds.disruptionBudget),
    endpointSlices: createInformer<EndpointSlice>(store, kinds.endpointSlice),
    gateways: createInformer<Gateway>(store, kinds.gateway),
    gatewayClasses: createInformer<KubeObject>(store, kinds.gatewayClass),
    peerAuthentications: createInformer<PeerAuthentication>(store, kinds.peerAuthentication),
    authorizationPolicies: createInformer<AuthorizationPolicy>(
      store,
      meshKinds.authorizationPolicy,
    ),
    requestAuthentications: createInformer<RequestAuthentication>(
      store,
      meshKinds.requestAuthentication,
    ),
    telemetries: createInformer<Telemetry>(store, meshKinds.telemetry),
    httpRoutes: createInformer<HttpRoute>(store, meshKinds.httpRoute),
    virtualServices: createInformer<VirtualService>(store, meshKinds.virtualService),
    destinationRules: createInformer<DestinationRule>(store, meshKinds.destinationRule),
  }
  return {
    ...informers,
    stop: () => {
      for (const informer of Object.values(informers)) informer.stop()
    },
  }
}
