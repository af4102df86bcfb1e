import { generatorAnnotation, meshAnnotations } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { Mode } from '../modes.ts'
import {
  clientNodeOf,
  generatorName,
  generatorPort,
  namespaceLabels,
  namespaceOf,
  serverNodeOf,
  simulatedNodeLabel,
  useWaypointLabel,
  waypointName,
  ztunnelNodeLabel,
} from './names.ts'

/** Where one mode, or a playground, puts its pods. */
export interface Place {
  readonly namespace: string
  /** Of the load generator; undefined: wherever the scheduler likes. */
  readonly clientNode?: string
  /** Of the workload and its waypoint. */
  readonly serverNode?: string
}

/**
 * Nodes of a mode's own: no proxy is shared between modes. There are two, so that every request crosses
 * nodes, unless one is asked for.
 */
export function placeOf(mode: Mode, sameNode = false): Required<Place> {
  return {
    namespace: namespaceOf(mode),
    clientNode: sameNode ? serverNodeOf(mode) : clientNodeOf(mode),
    serverNode: serverNodeOf(mode),
  }
}

export function namespaceManifest(name: string, mode: Mode): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: namespaceLabels(mode) },
  }
}

export function nodeManifest(name: string, withZtunnel: boolean): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        [simulatedNodeLabel]: 'true',
        ...(withZtunnel ? { [ztunnelNodeLabel]: 'true' } : {}),
      },
    },
  }
}

/** As `istioctl waypoint generate` writes it, pinned to the server node. */
export function waypointManifest({ namespace, serverNode }: Place): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: {
      name: waypointName,
      namespace,
      labels: { 'istio.io/waypoint-for': 'service' },
      ...(serverNode === undefined ? {} : { annotations: { 'meshbench.dev/node': serverNode } }),
    },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }],
    },
  }
}

/** The load generator is a pod like any other, so that the client side of the mesh is paid too. */
export function generatorManifests({ namespace, clientNode }: Place, image: string): KubeObject[] {
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
            annotations: {
              [generatorAnnotation]: 'true',
              // The harness talks to the control port from outside the mesh.
              [meshAnnotations.excludeInboundPorts]: String(generatorPort),
            },
          },
          spec: {
            serviceAccountName: generatorName,
            ...(clientNode === undefined
              ? {}
              : { nodeSelector: { 'kubernetes.io/hostname': clientNode } }),
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
