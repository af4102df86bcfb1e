import type { LocalWorkload, ProxyKind } from '../../proxies/config/process.ts'
import type { AddressPlan } from '../agent/address-plan.ts'
import type { PodRunner } from '../agent/pod-runner.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { Pod } from '../kinds.ts'
import { dataplaneOf, excludedInboundPorts, meshAnnotations } from '../mesh-labels.ts'
import { identityOf, workloadUid } from './naming.ts'
import { mtlsOf } from './peer-authentication.ts'

/** The pods a proxy stands in for: its own, or all captured ones of its node. */
export function representedPods(
  kind: ProxyKind,
  own: PodRunner,
  runners: readonly PodRunner[],
  view: ClusterView,
): PodRunner[] {
  if (kind !== 'ztunnel') return [own]
  return runners.filter((runner) => runner.node === own.node && isCaptured(runner, view))
}

/** Its labels ask for it, or it still is: a pod on its way out of ambient is served to the end. */
function isCaptured(runner: PodRunner, view: ClusterView): boolean {
  const pod = view.pods.get(runner.name, runner.namespace)
  if (!pod || pod.metadata.uid !== runner.uid) return false
  const { labels, annotations } = pod.metadata
  const dataplane = dataplaneOf(
    { labels, annotations, hostNetwork: pod.spec.hostNetwork ?? false },
    view.namespaces.get(runner.namespace)?.metadata.labels,
  )
  if (annotations?.[meshAnnotations.takeover] !== undefined) return true
  return dataplane === 'ambient' || annotations?.[meshAnnotations.redirection] !== undefined
}

export function localWorkload(
  runner: PodRunner,
  trustDomain: string,
  socket: AddressPlan['socket'],
  view: ClusterView,
): LocalWorkload {
  const ports = runner.appContainers.flatMap((container) => container.ports ?? [])
  return {
    uid: workloadUid(runner.namespace, runner.name),
    podUid: runner.uid,
    identity: identityOf(runner.pod, trustDomain),
    appPorts: Object.fromEntries(
      ports.map(({ containerPort }) => [
        String(containerPort),
        socket(runner.address.appHost, containerPort),
      ]),
    ),
    ...excluded(runner.pod),
    ...modes(runner.pod, ports, view),
  }
}

function excluded({ metadata }: Pod): Pick<LocalWorkload, 'excludedPorts'> {
  const ports = excludedInboundPorts(metadata.annotations)
  return ports.length === 0 ? {} : { excludedPorts: ports }
}

function modes(
  pod: Pod,
  ports: readonly { containerPort: number }[],
  view: ClusterView,
): Pick<LocalWorkload, 'mtlsMode' | 'portMtlsModes'> {
  const { mode, exceptions } = mtlsOf(pod, view.peerAuthentications.all())
  if (exceptions.length === 0) return { mtlsMode: mode }
  const other = mode === 'STRICT' ? 'PERMISSIVE' : 'STRICT'
  const byPort = ports.map(({ containerPort: port }) => [
    String(port),
    exceptions.includes(port) ? other : mode,
  ])
  // A ztunnel is told the exceptions by policy; STRICT here would close them.
  return { mtlsMode: 'PERMISSIVE', portMtlsModes: Object.fromEntries(byPort) }
}
