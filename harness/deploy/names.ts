import type { Mode } from '../modes.ts'

/** Names and labels of what a run puts into the cluster. */
export const namespaceOf = (mode: Mode): string => `mb-${mode}`
/** Where the idle copies of the workload are that share the server's node. */
export const neighbourNamespacesOf = (mode: Mode, workloadsPerNode = 1): string[] =>
  Array.from({ length: workloadsPerNode - 1 }, (_, index) => `${namespaceOf(mode)}-${index + 2}`)
export const clientNodeOf = (mode: Mode): string => `${mode}-client`
export const serverNodeOf = (mode: Mode): string => `${mode}-server`

export const generatorName = 'load'
export const generatorPort = 8080
export const waypointName = 'waypoint'
/** Istio's merged metrics port of sidecars and ztunnel (istio.io/docs/ops/deployment/application-requirements). */
export const metricsPort = 15020

export const simulatedNodeLabel = 'meshbench.dev/simulated'
export const ztunnelNodeLabel = 'meshbench.dev/ztunnel'
export const gatewayNameLabel = 'gateway.networking.k8s.io/gateway-name'
export const useWaypointLabel = 'istio.io/use-waypoint'

export const isAmbient = (mode: Mode): boolean => mode === 'ambient' || mode === 'waypoint'

export function namespaceLabels(mode: Mode): Record<string, string> {
  if (mode === 'sidecar') return { 'istio-injection': 'enabled' }
  return isAmbient(mode) ? { 'istio.io/dataplane-mode': 'ambient' } : {}
}
