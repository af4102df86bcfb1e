import type { ClusterView } from '../controllers/view.ts'
import type { ImageCatalogue } from '../images.ts'
import type { EndpointSlice, Pod, Service } from '../kinds.ts'
import { dataplaneOf, excludedInboundPorts, meshAnnotations, takesHbone } from '../mesh-labels.ts'
import type { CapturePod, CaptureService, CaptureZtunnel } from './capture-plan.ts'
import type { PodRunner } from './pod-runner.ts'
import { takeoverOf } from './takeover.ts'

/** What capture has to know of the proxies and what they have been told. */
export interface MeshKnowledge {
  /** Clusterwide name of a pod in the mesh. */
  workloadUid(namespace: string, name: string): string
  kindOf(pod: Pod): 'sidecar' | 'ztunnel' | 'waypoint'
  /** Whether this proxy process has applied a configuration in which it stands in for the workload. */
  knows(process: string, workloadUid: string): boolean
  /** Whether some proxy may still send HBONE to the workload for a ztunnel to end. */
  isReachedByHbone(workloadUid: string): boolean
  /** Whether some proxy may still send Istio's mutual TLS to the workload's own ports. */
  isReachedByTls(workloadUid: string): boolean
  /** Whether some proxy may still send new connections to the workload. */
  isChosenByProxies(workloadUid: string): boolean
}

export function capturePod(
  runner: PodRunner,
  view: ClusterView,
  images: ImageCatalogue,
  mesh: MeshKnowledge,
): CapturePod {
  const pod = view.pods.get(runner.name, runner.namespace) ?? runner.pod
  const { labels, annotations } = pod.metadata
  const workloadUid = mesh.workloadUid(runner.namespace, runner.name)
  const kind = mesh.kindOf(pod)
  const up = runner.processes().filter(({ process }) => process.isUp)
  const proxy = up.find(
    ({ process }) => process.protocol === 'proxy' && mesh.knows(process.id, workloadUid),
  )?.process.id
  const appProcess = (name: string): string | undefined =>
    up.find(({ container, process }) => container.name === name && process.protocol === 'app')
      ?.process.id
  const apps = runner.appContainers.filter(({ image }) => images[image]?.protocol !== 'proxy')
  const redirection = annotations?.[meshAnnotations.redirection]
  const labelled = dataplaneOf(
    { labels, annotations, hostNetwork: pod.spec.hostNetwork ?? false },
    view.namespaces.get(runner.namespace)?.metadata.labels,
  )
  // Whoever still tunnels to it must find the tunnel's end: un-enrolling waits for all proxies.
  const leaving =
    labelled === 'none' && redirection === 'enabled' && mesh.isReachedByHbone(workloadUid)
  const takeover = takeoverOf(pod)
  const tunnelled =
    labelled === 'sidecar' && (takeover !== undefined || mesh.isReachedByHbone(workloadUid))
  const main = apps[0] && appProcess(apps[0].name)
  return {
    uid: runner.uid,
    workloadUid,
    node: runner.node,
    podIp: runner.address.podIp,
    dataplane: leaving ? 'ambient' : labelled,
    ...(redirection === undefined ? {} : { redirection }),
    ...(takeover === undefined ? {} : { takeover }),
    tunnelled,
    ports: apps.flatMap(({ name, ports }) => {
      const process = appProcess(name)
      return (ports ?? []).map(({ containerPort }) => ({
        port: containerPort,
        ...(process === undefined ? {} : { process }),
      }))
    }),
    ...(main === undefined ? {} : { mainProcess: main }),
    excludedPorts: excludedInboundPorts(annotations),
    ...(kind === 'sidecar' && proxy ? { sidecar: proxy } : {}),
    takesHbone: takesHbone({ labels, annotations }),
    ...(kind === 'waypoint' && proxy ? { waypoint: proxy } : {}),
    captures: [...runner.captures].map(([service, address]) => ({ service, address })),
  }
}

export function captureServices(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
): CaptureService[] {
  return services.map((service) => {
    const { name, namespace } = service.metadata
    const own = slices.filter(
      ({ metadata }) =>
        metadata.namespace === namespace &&
        metadata.labels?.['kubernetes.io/service-name'] === name,
    )
    return {
      key: `${namespace}/${name}`,
      clusterIp: service.spec.clusterIP ?? '',
      ports: (service.spec.ports ?? []).map(({ name: portName, port }) => ({
        port,
        endpoints: own.flatMap(({ endpoints, ports }) => {
          const target = ports.find((one) => (one.name ?? '') === (portName ?? ''))
          if (!target) return []
          return endpoints
            .filter(({ conditions }) => conditions.ready)
            .flatMap(({ targetRef }) =>
              targetRef ? [{ podUid: targetRef.uid, targetPort: target.port }] : [],
            )
        }),
      })),
    }
  })
}

/** A ztunnel that is ready before one that is not, the newest of equals; one that stops comes last. */
export function captureZtunnels(
  runners: readonly PodRunner[],
  mesh: MeshKnowledge,
): Map<string, readonly CaptureZtunnel[]> {
  const rank = (runner: PodRunner): number => (runner.isStopping ? 0 : runner.isReady ? 2 : 1)
  const all = runners.filter(({ pod }) => mesh.kindOf(pod) === 'ztunnel').reverse()
  const byNode = new Map<string, CaptureZtunnel[]>()
  for (const runner of all.sort((a, b) => rank(b) - rank(a))) {
    const process = runner.processes().find((one) => one.process.isUp)?.process.id
    if (process === undefined) continue
    const known = byNode.get(runner.node) ?? []
    byNode.set(runner.node, [...known, { process, knows: (uid) => mesh.knows(process, uid) }])
  }
  return byNode
}
