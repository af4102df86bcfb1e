import type { KubeObject } from '../../cluster/objects.ts'
import type { Mode } from '../modes.ts'
import {
  clientNodeOf,
  generatorName,
  generatorPort,
  isAmbient,
  namespaceLabels,
  namespaceOf,
  serverNodeOf,
  simulatedNodeLabel,
  useWaypointLabel,
  waypointName,
  ztunnelNodeLabel,
} from './names.ts'

export function namespaceManifest(mode: Mode): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespaceOf(mode), labels: namespaceLabels(mode) },
  }
}

/** Two nodes of a mode's own: no proxy is shared between modes, and every request crosses nodes. */
export function nodeManifests(mode: Mode): KubeObject[] {
  return [clientNodeOf(mode), serverNodeOf(mode)].map((name) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        [simulatedNodeLabel]: 'true',
        ...(isAmbient(mode) ? { [ztunnelNodeLabel]: 'true' } : {}),
      },
    },
  }))
}

/** As `istioctl waypoint generate` writes it, pinned to the server node. */
export function waypointManifest(mode: Mode): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: {
      name: waypointName,
      namespace: namespaceOf(mode),
      labels: { 'istio.io/waypoint-for': 'service' },
      annotations: { 'meshbench.dev/node': serverNodeOf(mode) },
    },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }],
    },
  }
}

/** The load generator is a pod like any other, so that the client side of the mesh is paid too. */
export function generatorManifests(mode: Mode, image: string): KubeObject[] {
  const namespace = namespaceOf(mode)
  const labels = { app: generatorName }
  return [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: generatorName, namespace },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: generatorName, namespace, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: {
            labels,
            // The harness talks to the control port from outside the mesh.
            annotations: {
              'traffic.sidecar.istio.io/excludeInboundPorts': String(generatorPort),
            },
          },
          spec: {
            serviceAccountName: generatorName,
            nodeSelector: { 'kubernetes.io/hostname': clientNodeOf(mode) },
            containers: [
              {
                name: generatorName,
                image,
                ports: [{ name: 'control', containerPort: generatorPort }],
                env: [{ name: 'PORT', value: String(generatorPort) }],
                readinessProbe: {
                  httpGet: { path: '/ready', port: generatorPort },
                  periodSeconds: 1,
                },
              },
            ],
          },
        },
      },
    },
  ]
}

/** Binds every service of the topology to the waypoint; other objects pass unchanged. */
export function bindToWaypoint(object: KubeObject): KubeObject {
  if (object.kind !== 'Service') return object
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, [useWaypointLabel]: waypointName },
    },
  }
}
