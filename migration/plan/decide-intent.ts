import { canaryImage } from '../../cluster/images.ts'
import type { Gateway, Pod, PodTemplate } from '../../cluster/kinds.ts'
import { meshAnnotations, meshLabels } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { MigrationError } from '../errors.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isAtLeast } from '../policy/istio-version.ts'
import { hasIngress } from './ingress.ts'
import type { Intent, NamespaceIntent, NamespaceState, PlanOptions } from './intent.ts'
import { meshFacts, readable } from './mesh.ts'
import { needsL7 } from './needs-l7.ts'
import { hasEnded, hasSidecar } from './pods.ts'

/** Pure: what the options come to for the namespaces as they were read. */
export function decideIntent(snapshot: Snapshot, options: PlanOptions): Intent {
  const facts = meshFacts(snapshot)
  const namespaces = options.namespaces.map((namespace) =>
    namespaceIntent(snapshot, namespace, options, facts.rootNamespace),
  )
  const image = canaryOf(snapshot, options)
  return { options, namespaces, ...(image !== undefined && { probeImage: image }), ...facts }
}

/** Nobody else's cluster has an image of ours. */
function canaryOf({ source }: Snapshot, options: PlanOptions): string | undefined {
  if (!options.probe) return undefined
  const embedded = source.from === 'cluster' && source.embedded
  return options.probeImage ?? (embedded ? canaryImage : undefined)
}

function namespaceIntent(
  snapshot: Snapshot,
  namespace: string,
  options: PlanOptions,
  rootNamespace: string,
): NamespaceIntent {
  const labels = labelsOf(snapshot, namespace)
  const needs = needsL7(snapshot, namespace, rootNamespace)
  // A waypoint that was asked for by label is kept, whatever it is for.
  const asked = labels[meshLabels.useWaypoint]
  const name = asked !== undefined && asked !== 'none' ? asked : options.waypointName
  const wanted = options.waypoint === 'always' || (options.waypoint === 'auto' && needs.length > 0)
  const exists = readable(() => snapshot.items<Gateway>('gateway')).some(
    ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
  )
  return {
    namespace,
    state: stateOf(snapshot, namespace, labels),
    needsL7: needs,
    // istiod names a waypoint's service account after its Gateway.
    ...(wanted ? { waypoint: { name, serviceAccount: name, exists, bound: asked === name } } : {}),
    ingressUsesWaypoint:
      wanted && hasIngress(snapshot) && isAtLeast(meshFacts(snapshot).istioVersion, '1.25.0'),
    hasBarePods: hasBarePods(snapshot, namespace),
    endInjection: mustDisable(snapshot, namespace) ? 'disable' : 'remove-labels',
  }
}

function labelsOf(snapshot: Snapshot, namespace: string): Readonly<Record<string, string>> {
  const namespaces = readable(() => snapshot.items('namespace'))
  const found = namespaces.find(({ metadata }) => metadata.name === namespace)
  if (found !== undefined) return found.metadata.labels ?? {}
  // Not exported, or not to be listed: a check says so.
  if (snapshot.source.from === 'files' || namespaces.length === 0) return {}
  throw new MigrationError(`there is no namespace ${namespace}`, {
    code: 'MIGRATION_NAMESPACE',
    hint: 'look at `kubectl get namespaces`, and at the context in use',
    exitCode: 2,
  })
}

/** Whether new pods of a namespace with these labels get a sidecar. */
export function injects(labels: Readonly<Record<string, string>>): boolean {
  const injection = labels[meshLabels.injection]
  if (injection !== undefined) return injection === 'enabled'
  return labels[meshLabels.revision] !== undefined
}

function stateOf(
  snapshot: Snapshot,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): NamespaceState {
  const ambient = labels[meshLabels.dataplaneMode] === 'ambient'
  const sidecars = readable(() => itemsIn<Pod>(snapshot, 'pod', namespace)).some(hasSidecar)
  if (!ambient) return injects(labels) || sidecars ? 'sidecar' : 'none'
  return injects(labels) || sidecars ? 'mixed' : 'ambient'
}

/** A waypoint's own pods carry `dataplane-mode: none`, as whoever stays out does. */
function hasBarePods(snapshot: Snapshot, namespace: string): boolean {
  return readable(() => itemsIn<Pod>(snapshot, 'pod', namespace)).some(
    (pod) =>
      !hasSidecar(pod) &&
      !hasEnded(pod) &&
      pod.spec.hostNetwork !== true &&
      pod.metadata.labels?.[meshLabels.dataplaneMode] !== 'none' &&
      pod.metadata.annotations?.[meshAnnotations.redirection] !== 'enabled',
  )
}

interface Templated extends KubeObject {
  spec?: { readonly template?: PodTemplate }
}

interface ConfigMap extends KubeObject {
  data?: Readonly<Record<string, string>>
}

/** Only `istio-injection=disabled` beats pods that ask for a sidecar, and injection by default. */
function mustDisable(snapshot: Snapshot, namespace: string): boolean {
  const kinds = ['deployment', 'statefulSet', 'daemonSet', 'job'] as const
  const asking = kinds
    .flatMap((kind) => readable(() => itemsIn<Templated>(snapshot, kind, namespace)))
    .some(({ spec }) => {
      const labels = spec?.template?.metadata?.labels ?? {}
      return labels[meshLabels.inject] === 'true' || labels[meshLabels.revision] !== undefined
    })
  return asking || injectsByDefault(snapshot)
}

function injectsByDefault(snapshot: Snapshot): boolean {
  return readable(() => snapshot.items<ConfigMap>('configMap')).some(
    ({ metadata, data }) =>
      metadata.name.startsWith('istio-sidecar-injector') &&
      /"enableNamespacesByDefault"\s*:\s*true/.test(data?.values ?? ''),
  )
}
