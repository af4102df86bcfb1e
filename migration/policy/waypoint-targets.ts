import type { Pod, PodTemplate, Service } from '../../cluster/kinds.ts'
import { selects, type TargetRef } from '../../cluster/mesh/istio-objects.ts'
import { managedByMesh, meshLabels } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readable } from '../plan/mesh.ts'
import { type Attachable, matchLabelsOf } from '../plan/selection.ts'

type Labels = Readonly<Record<string, string>>

/** A service of the namespace with what it stands for. */
export interface Backed {
  readonly service: Service
  /** Labels of pods and templates it selects; its own selector where there are none. */
  readonly pods: readonly Labels[]
  /** Workload ports by service port. */
  readonly ports: ReadonlyMap<number, number>
}

export interface Targets {
  readonly services: readonly Backed[]
  /** Services of which the policy selects some pods and not others: their copy reaches all. */
  readonly partly: readonly string[]
}

interface Templated extends KubeObject {
  spec?: { readonly template?: PodTemplate }
}

export function backedServices(snapshot: Snapshot, namespace: string): readonly Backed[] {
  const bodies = [
    ...readable(() => itemsIn<Pod>(snapshot, 'pod', namespace)).map(({ metadata, spec }) => ({
      labels: metadata.labels ?? {},
      spec,
    })),
    ...(['deployment', 'statefulSet', 'daemonSet'] as const)
      .flatMap((kind) => readable(() => itemsIn<Templated>(snapshot, kind, namespace)))
      .flatMap(({ spec }) => spec?.template ?? [])
      .map(({ metadata, spec }) => ({ labels: metadata?.labels ?? {}, spec })),
  ]
  return readable(() => itemsIn<Service>(snapshot, 'service', namespace))
    .filter(({ metadata }) => metadata.labels?.[meshLabels.managedGateway] !== managedByMesh)
    .map((service) => {
      const selector = service.spec?.selector ?? {}
      const chosen =
        Object.keys(selector).length === 0
          ? []
          : bodies.filter(({ labels }) => selects({ selector: { matchLabels: selector } }, labels))
      const ports = (service.spec?.ports ?? []).map(({ port, targetPort = port }) => {
        const named = chosen
          .flatMap(({ spec }) => spec?.containers ?? [])
          .flatMap((container) => container.ports ?? [])
          .find(({ name }) => name === targetPort)
        return [
          port,
          typeof targetPort === 'number' ? targetPort : (named?.containerPort ?? port),
        ] as const
      })
      const pods = chosen.length > 0 ? chosen.map(({ labels }) => labels) : [selector]
      return { service, pods, ports: new Map(ports) }
    })
}

/** The services through which pods under the policy are reached. */
export function targetsOf(policy: Attachable, backed: readonly Backed[]): Targets {
  if (Object.keys(matchLabelsOf(policy)).length === 0) return { services: backed, partly: [] }
  const reached = backed.filter(({ pods }) => pods.some((labels) => selects(policy.spec, labels)))
  const partly = reached.filter(({ pods }) => !pods.every((labels) => selects(policy.spec, labels)))
  return { services: reached, partly: partly.map(({ service }) => service.metadata.name) }
}

export function serviceTarget({ service }: Backed): TargetRef {
  return { group: '', kind: 'Service', name: service.metadata.name }
}

export function gatewayTarget(name: string): TargetRef {
  return { group: 'gateway.networking.k8s.io', kind: 'Gateway', name }
}
