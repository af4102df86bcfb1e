import { serviceImage } from '../images.ts'
import type { Manifest, ManifestOptions } from '../workload.ts'
import type { PlainObject } from './manifests-file.ts'

interface PodSpec {
  readonly serviceAccountName?: string
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly containers: readonly {
    readonly image: string
    readonly env?: readonly { readonly name: string; readonly value?: string }[]
  }[]
}

interface DeploymentSpec {
  readonly replicas?: number
  readonly template: { readonly spec: PodSpec }
}

/** A file's objects in one namespace, with what was asked for instead of what the file says. */
export function placeObjects(
  objects: readonly PlainObject[],
  options: ManifestOptions,
): Manifest[] {
  const placed = objects.map((object) => place(object, options))
  const accounts = objects
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap(({ spec }) => (spec as DeploymentSpec).template.spec.serviceAccountName ?? [])
  const missing = [...new Set(accounts)].filter(
    (name) =>
      !objects.some(({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === name),
  )
  return [
    ...missing.map((name) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: options.namespace, labels: {} },
    })),
    ...placed,
  ]
}

/** Of the metadata only what a person writes: files are often exports of a living cluster. */
function place(object: PlainObject, options: ManifestOptions): Manifest {
  const { name, labels = {}, annotations } = object.metadata
  const { status: _, ...rest } = structuredClone(object) as PlainObject & { status?: unknown }
  const placed = {
    ...rest,
    apiVersion: String(object.apiVersion),
    metadata: {
      name,
      namespace: options.namespace,
      labels: { ...labels },
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
    },
  }
  if (object.kind === 'Service') {
    const { clusterIP: _ip, clusterIPs: _ips, ...spec } = object.spec as Record<string, unknown>
    return { ...placed, spec }
  }
  if (object.kind !== 'Deployment') return placed
  return { ...placed, spec: adjust(object.spec as DeploymentSpec, options) }
}

function adjust(spec: DeploymentSpec, options: ManifestOptions): DeploymentSpec {
  const { template } = spec
  const pod = template.spec
  return {
    ...spec,
    replicas: options.replicas ?? spec.replicas ?? 1,
    template: {
      ...template,
      spec: {
        ...pod,
        ...(options.nodeSelector === undefined
          ? {}
          : { nodeSelector: { ...pod.nodeSelector, ...options.nodeSelector } }),
        containers: pod.containers.map((container) => withBytes(container, options.responseBytes)),
      },
    },
  }
}

function withBytes(
  container: PodSpec['containers'][number],
  responseBytes: number | undefined,
): PodSpec['containers'][number] {
  if (responseBytes === undefined || container.image !== serviceImage) return container
  const others = (container.env ?? []).filter(({ name }) => name !== 'RESPONSE_BYTES')
  return {
    ...container,
    env: [...others, { name: 'RESPONSE_BYTES', value: String(responseBytes) }],
  }
}
