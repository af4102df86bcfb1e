import { isObject, members } from '../../cluster/api/json.ts'
import { matchesLabelSelector } from '../../cluster/api/label-selector.ts'
import type { Deployment, Gateway, LabelSelector } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import type { Check, CheckContext } from './check.ts'
import { blocker, warning } from './finding.ts'
import { conditionsOf } from './gateway-api.ts'
import { links } from './links.ts'
import { kubectlLabel } from './patches.ts'
import { labelsOfNamespace } from './targets.ts'
import { type Binding, bindingsIn, gatewayOf, titleOf } from './waypoint-bindings.ts'

const replicas: Check = {
  id: 'MB084',
  title: 'The waypoint outlives one pod',
  link: links.waypoint,
  evaluate: ({ snapshot, intent }) =>
    intent.namespaces.flatMap(({ namespace, waypoint }) => {
      if (waypoint === undefined) return []
      const text = {
        resource: `Gateway ${namespace}/${waypoint.name}`,
        namespace,
        remedy:
          'Set spec.infrastructure.parametersRef to a ConfigMap with replicas, a HorizontalPodAutoscaler and a PodDisruptionBudget (Istio 1.26 and newer)',
      }
      if (!waypoint.exists) {
        const reason = 'It will have one replica: every call waits while that is replaced'
        return [warning({ ...text, reason })]
      }
      const { name } = waypoint
      const deployment = snapshot
        .items<Deployment>('deployment')
        .find(
          ({ metadata }) =>
            metadata.namespace === namespace && metadata.labels?.[meshLabels.gatewayName] === name,
        )
      const scaled = snapshot
        .items('autoscaler')
        .some(
          ({ metadata, spec }) =>
            metadata.namespace === namespace &&
            isObject(spec) &&
            isObject(spec.scaleTargetRef) &&
            spec.scaleTargetRef.name === deployment?.metadata.name,
        )
      const wanted = deployment?.spec.replicas ?? 1
      if (wanted > 1 || scaled) return []
      const reason = 'It has one replica and no autoscaler: every call waits while that is replaced'
      return [warning({ ...text, reason })]
    }),
}

function eachBinding(
  context: CheckContext,
  judge: (binding: Binding) => ReturnType<Check['evaluate']>,
): ReturnType<Check['evaluate']> {
  return context.intent.options.namespaces.flatMap((namespace) =>
    bindingsIn(context, namespace).flatMap(judge),
  )
}

const allowedRoutes: Check = {
  id: 'MB085',
  title: 'Waypoints elsewhere let the namespaces in',
  link: links.waypoint,
  evaluate: (context) =>
    eachBinding(context, (binding) => {
      const gateway = gatewayOf(context, binding)
      const { namespace, home } = binding
      if (gateway === undefined || namespace === home) return []
      const labels = {
        'kubernetes.io/metadata.name': namespace,
        ...labelsOfNamespace(context.snapshot, namespace),
      }
      if (listenersOf(gateway).some((listener) => lets(listener, labels))) return []
      return [
        blocker({
          resource: titleOf(binding),
          namespace,
          reason: `No listener of Gateway ${home}/${binding.waypoint} allows routes from ${namespace}: AttachmentDenied, and traffic goes past it`,
          remedy: `kubectl -n ${home} patch gateway ${binding.waypoint} --type=json -p '[{"op":"add","path":"/spec/listeners/0/allowedRoutes","value":{"namespaces":{"from":"Selector","selector":{"matchLabels":{"kubernetes.io/metadata.name":"${namespace}"}}}}}]'`,
        }),
      ]
    }),
}

function listenersOf({ spec }: Gateway): readonly Record<string, unknown>[] {
  return members(spec.listeners)
}

function lets(
  { allowedRoutes }: Record<string, unknown>,
  labels: Readonly<Record<string, string>>,
): boolean {
  const namespaces = isObject(allowedRoutes) ? allowedRoutes.namespaces : undefined
  if (!isObject(namespaces)) return false
  if (namespaces.from === 'All') return true
  if (namespaces.from !== 'Selector' || !isObject(namespaces.selector)) return false
  return matchesLabelSelector(namespaces.selector as LabelSelector, labels)
}

/** What a waypoint serves, by its label; services only when it says nothing. */
const SERVES: Readonly<Record<string, readonly Binding['of'][]>> = {
  service: ['service'],
  workload: ['pod'],
  all: ['service', 'pod'],
  none: [],
}

const traffic: Check = {
  id: 'MB086',
  title: 'Waypoints serve what is bound to them',
  link: links.waypoint,
  evaluate: (context) =>
    eachBinding(context, (binding) => {
      const gateway = gatewayOf(context, binding)
      if (gateway === undefined) return []
      const label = 'istio.io/waypoint-for'
      const serves = gateway.metadata.labels?.[label] ?? 'service'
      if ((SERVES[serves] ?? []).includes(binding.of)) return []
      const { home, waypoint, namespace } = binding
      return [
        blocker({
          resource: titleOf(binding),
          namespace,
          reason: `Gateway ${home}/${waypoint} is for ${serves}, and a ${binding.of} is bound to it: UnsupportedTrafficType, and traffic goes past it`,
          remedy: kubectlLabel(
            { kind: 'Gateway', name: waypoint, namespace: home },
            '--overwrite',
            `${label}=${serves === 'none' ? binding.of.replace('pod', 'workload') : 'all'}`,
          ),
        }),
      ]
    }),
}

const ready: Check = {
  id: 'MB087',
  title: 'Waypoints that are asked for are there',
  link: links.docsIssue(17520),
  evaluate: (context) => {
    const planned = new Set(
      context.intent.namespaces.flatMap(({ namespace, waypoint }) =>
        waypoint && !waypoint.exists ? [`${namespace}/${waypoint.name}`] : [],
      ),
    )
    return eachBinding(context, (binding) => {
      const { home, waypoint, namespace } = binding
      // Made and ready before anything depends on it.
      if (planned.has(`${home}/${waypoint}`)) return []
      const problem = problemOf(context, binding)
      if (problem === undefined) return []
      return [
        blocker({
          resource: titleOf(binding),
          namespace,
          reason: `It asks for waypoint ${home}/${waypoint}, which ${problem}: traffic goes past it, without L7 policy`,
          remedy: `istioctl waypoint apply -n ${home} --name ${waypoint} --wait, or take the label ${meshLabels.useWaypoint} away`,
        }),
      ]
    })
  },
}

function problemOf(context: CheckContext, binding: Binding): string | undefined {
  const { snapshot } = context
  const gateway = gatewayOf(context, binding)
  if (gateway === undefined) return 'does not exist'
  if (gateway.status === undefined && snapshot.source.from === 'files') {
    throw new NotReadable('Gateways in the files have no status')
  }
  const programmed = conditionsOf(gateway).find(({ type }) => type === 'Programmed')
  if (programmed?.status !== 'True') return 'is not programmed'
  const deployment = snapshot
    .items<Deployment>('deployment')
    .find(
      ({ metadata }) =>
        metadata.namespace === binding.home &&
        metadata.labels?.[meshLabels.gatewayName] === binding.waypoint,
    )
  // One that somebody runs by hand has no Deployment of istiod's.
  if (deployment?.status === undefined) return undefined
  return (deployment.status.readyReplicas ?? 0) === 0 ? 'has no ready pod' : undefined
}

export const waypointChecks: readonly Check[] = [replicas, allowedRoutes, traffic, ready]
