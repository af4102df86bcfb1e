import { type KindDefinition, kind } from './kind-table.ts'

const gateway = 'gateway.networking.k8s.io/v1'
const gatewayBeta = 'gateway.networking.k8s.io/v1beta1'
const security = 'security.istio.io/v1'
const networking = 'networking.istio.io/v1'
const networkingAlpha = 'networking.istio.io/v1alpha3'
const networkingBeta = 'networking.istio.io/v1beta1'

const custom = { statusSubresource: true, custom: true } as const
const clusterScoped = { namespaced: false } as const
const ofGatewayApi = { ...custom, categories: ['gateway-api'] } as const
const ofIstio = { ...custom, categories: ['istio-io'] } as const
const ofNetworking = { ...custom, categories: ['istio-io', 'networking-istio-io'] } as const
const ofSecurity = { ...custom, categories: ['istio-io', 'security-istio-io'] } as const

/**
 * The kinds of Istio and of the Gateway API that a mesh is configured with, each in the version that
 * both store. In a real cluster CustomResourceDefinitions bring them (controllers/definitions.ts).
 */
export const MESH_KINDS: readonly KindDefinition[] = [
  kind(gateway, 'GatewayClass', 'gatewayclasses', ['gc'], { ...ofGatewayApi, ...clusterScoped }),
  kind(gateway, 'Gateway', 'gateways', ['gtw'], ofGatewayApi),
  kind(gateway, 'HTTPRoute', 'httproutes', [], ofGatewayApi),
  kind(gateway, 'GRPCRoute', 'grpcroutes', [], ofGatewayApi),
  kind(gatewayBeta, 'ReferenceGrant', 'referencegrants', ['refgrant'], ofGatewayApi),
  kind(security, 'AuthorizationPolicy', 'authorizationpolicies', ['ap'], ofSecurity),
  kind(security, 'PeerAuthentication', 'peerauthentications', ['pa'], ofSecurity),
  kind(security, 'RequestAuthentication', 'requestauthentications', ['ra'], ofSecurity),
  kind(networking, 'VirtualService', 'virtualservices', ['vs'], ofNetworking),
  kind(networking, 'DestinationRule', 'destinationrules', ['dr'], ofNetworking),
  kind(networking, 'Gateway', 'gateways', ['gw'], ofNetworking),
  kind(networking, 'ServiceEntry', 'serviceentries', ['se'], ofNetworking),
  kind(networking, 'Sidecar', 'sidecars', [], ofNetworking),
  kind(networking, 'WorkloadEntry', 'workloadentries', ['we'], ofNetworking),
  kind(networking, 'WorkloadGroup', 'workloadgroups', ['wg'], ofNetworking),
  kind(networkingAlpha, 'EnvoyFilter', 'envoyfilters', [], ofNetworking),
  kind(networkingBeta, 'ProxyConfig', 'proxyconfigs', [], ofNetworking),
  kind('telemetry.istio.io/v1', 'Telemetry', 'telemetries', ['telemetry'], ofIstio),
  kind('extensions.istio.io/v1alpha1', 'WasmPlugin', 'wasmplugins', [], ofIstio),
]
