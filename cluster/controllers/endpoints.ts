import { type Endpoint, type EndpointSlice, kinds, type Pod, type Service } from '../kinds.ts'
import { isPodReady, sameJson } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { matchesMap } from './labels.ts'
import { createLoop, triggerOn } from './loop.ts'
import { hashSuffix, isOwnedBy, ownerReference, refOf } from './ownership.ts'

/** Which pods stand behind which service port. Pods that resolve ports alike share a slice. */
export function startEndpointsController({ store, view, onError }: ControllerContext): Controller {
  const reconcile = (service: Service, pods: readonly Pod[]): void => {
    const desired = desiredSlices(service, pods)
    const { namespace } = service.metadata
    const existing = store
      .list<EndpointSlice>(kinds.endpointSlice, namespace ? { namespace } : {})
      .filter((slice) => isOwnedBy(slice, service))
    for (const slice of desired) {
      const found = existing.find(({ metadata }) => metadata.name === slice.metadata.name)
      if (!found) store.create(slice)
      else if (!sameJson([found.endpoints, found.ports], [slice.endpoints, slice.ports])) {
        store.mutate<EndpointSlice>(refOf(found), (current) => ({
          ...current,
          endpoints: slice.endpoints,
          ports: slice.ports,
        }))
      }
    }
    const names = new Set(desired.map(({ metadata }) => metadata.name))
    for (const slice of existing) if (!names.has(slice.metadata.name)) store.delete(refOf(slice))
  }
  const loop = createLoop(
    () => {
      const pods = view.pods.all()
      for (const service of view.services.all()) {
        if (service.spec.selector && !service.metadata.deletionTimestamp) reconcile(service, pods)
      }
    },
    { onError },
  )
  return triggerOn(loop, [view.services, view.pods])
}

export function desiredSlices(service: Service, pods: readonly Pod[]): EndpointSlice[] {
  const { name, namespace } = service.metadata
  const selected = pods
    .filter(
      ({ metadata, status }) =>
        metadata.namespace === namespace &&
        matchesMap(service.spec.selector, metadata.labels) &&
        status?.podIP !== undefined &&
        status.phase !== 'Succeeded' &&
        status.phase !== 'Failed',
    )
    .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name))
  const byPorts = new Map<string, { ports: EndpointSlice['ports']; endpoints: Endpoint[] }>()
  for (const pod of selected) {
    const ports = resolvePorts(service, pod)
    const key = hashSuffix(ports, 5)
    const slice = byPorts.get(key) ?? { ports, endpoints: [] }
    slice.endpoints.push(endpoint(pod))
    byPorts.set(key, slice)
  }
  return [...byPorts].map(([key, { ports, endpoints }]) => ({
    ...kinds.endpointSlice,
    metadata: {
      name: `${name}-${key}`,
      ...(namespace ? { namespace } : {}),
      labels: {
        'kubernetes.io/service-name': name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [ownerReference(service)],
    },
    addressType: 'IPv4',
    endpoints,
    ports,
  }))
}

function endpoint(pod: Pod): Endpoint {
  const { name, namespace = '', uid = '' } = pod.metadata
  const ready = isPodReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: { ready: ready && !terminating, serving: ready, terminating },
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}

function resolvePorts(service: Service, pod: Pod): EndpointSlice['ports'] {
  return (service.spec.ports ?? []).flatMap(({ name, port, targetPort, appProtocol }) => {
    const number = resolveTargetPort(pod, targetPort ?? port)
    if (number === undefined) return []
    return [
      {
        name: name ?? '',
        port: number,
        protocol: 'TCP',
        ...(appProtocol ? { appProtocol } : {}),
      },
    ]
  })
}

export function resolveTargetPort(pod: Pod, target: number | string): number | undefined {
  if (typeof target === 'number') return target
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
  return containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === target)
    ?.containerPort
}
