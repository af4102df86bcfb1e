import { serviceImage } from '../images.ts'
import type { Manifest, ManifestOptions } from '../workload.ts'
import type { Topology, TopologyService } from './topology.ts'

/**
 * The topology as ServiceAccount, Service and Deployment per service, nothing about meshes in them:
 * the namespace decides that. The port is named and typed by its
 * protocol, as Istio needs to treat its requests one by one.
 */
export function manifests(topology: Topology, options: ManifestOptions): Manifest[] {
  return topology.services.flatMap((service) => {
    const labels = { app: service.name, 'app.kubernetes.io/part-of': topology.name }
    const metadata = () => ({
      name: service.name,
      namespace: options.namespace,
      labels: { ...labels },
    })
    return [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata() },
      { apiVersion: 'v1', kind: 'Service', metadata: metadata(), spec: serviceSpec(service) },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: metadata(),
        spec: deploymentSpec(service, labels, options),
      },
    ]
  })
}

function serviceSpec({ name, port, protocol = 'http' }: TopologyService): object {
  return {
    selector: { app: name },
    ports: [{ name: protocol, appProtocol: protocol, protocol: 'TCP', port, targetPort: port }],
  }
}

function deploymentSpec(
  service: TopologyService,
  labels: Readonly<Record<string, string>>,
  options: ManifestOptions,
): object {
  return {
    replicas: options.replicas ?? service.replicas,
    selector: { matchLabels: { app: service.name } },
    template: {
      metadata: { labels: { ...labels } },
      spec: {
        serviceAccountName: service.name,
        ...(options.nodeSelector === undefined ? {} : { nodeSelector: options.nodeSelector }),
        containers: [container(service, options)],
      },
    },
  }
}

function container(service: TopologyService, options: ManifestOptions): object {
  const { protocol = 'http' } = service
  const env = {
    SERVICE_NAME: service.name,
    PORT: service.port,
    ...(protocol === 'http' ? {} : { PROTOCOL: protocol }),
    SCRIPT: JSON.stringify(service.script),
    RESPONSE_BYTES: options.responseBytes ?? service.responseBytes,
    ERROR_RATE: service.errorRate ?? 0,
  }
  return {
    name: 'app',
    image: serviceImage,
    env: Object.entries(env).map(([name, value]) => ({ name, value: String(value) })),
    ports: [{ name: protocol, containerPort: service.port, protocol: 'TCP' }],
    readinessProbe: { httpGet: { path: '/healthz', port: service.port }, periodSeconds: 1 },
  }
}
