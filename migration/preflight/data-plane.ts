import { isObject, members } from '../../cluster/api/json.ts'
import { matchesLabelSelector } from '../../cluster/api/label-selector.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { cni, cniSetting, type NodeComponent, parsedYaml, ztunnel } from '../inventory/mesh.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import type { Check, CheckContext, CheckFinding } from './check.ts'
import { blocker, counted, named } from './finding.ts'
import { links } from './links.ts'
import { isLive, isOptedOut, labelsOfNamespace, podsIn } from './targets.ts'

const ztunnelReady: Check = {
  id: 'MB004',
  title: 'ztunnel runs on every node it is meant for',
  link: links.installComponents,
  evaluate: ({ snapshot }) => {
    const component = ztunnel(snapshot)
    if (component === undefined) {
      return [
        blocker({
          resource: `DaemonSet ${snapshot.rootNamespace}/ztunnel`,
          reason: 'It does not exist: nobody would carry the traffic of ambient pods',
          remedy: 'helm install ztunnel istio/ztunnel -n istio-system --wait',
        }),
      ]
    }
    const { set, resource, namespace } = component
    const { status, metadata } = set
    if (status === undefined) throw new NotReadable(`${resource} has no status`)
    const { desiredNumberScheduled: desired, numberReady: ready } = status
    const remedy = `kubectl -n ${namespace} rollout status daemonset/${metadata.name}`
    if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
      return [blocker({ resource, reason: 'Its newest template is not rolled out yet', remedy })]
    }
    if (desired === 0) {
      const reason = 'No node matches its nodeSelector and tolerations: it runs nowhere'
      return [
        blocker({ resource, reason, remedy: `kubectl -n ${namespace} get daemonset ztunnel` }),
      ]
    }
    if (ready < desired) {
      return [blocker({ resource, reason: `${ready} of ${desired} pods are ready`, remedy })]
    }
    return []
  },
}

const cniAmbient: Check = {
  id: 'MB005',
  title: 'istio-cni enrols pods',
  link: links.installComponents,
  evaluate: ({ snapshot }) => {
    const component = cni(snapshot)
    if (component === undefined) {
      return [
        blocker({
          resource: `DaemonSet ${snapshot.rootNamespace}/istio-cni-node`,
          reason: 'It does not exist: nobody would redirect the traffic of pods to ztunnel',
          remedy: 'helm install istio-cni istio/cni -n istio-system --set profile=ambient --wait',
        }),
      ]
    }
    if (cniSetting(snapshot, 'AMBIENT_ENABLED') === 'true') return []
    return [
      blocker({
        resource: component.resource,
        reason: 'AMBIENT_ENABLED is not true: it sets up sidecars only',
        remedy: `helm upgrade istio-cni istio/cni -n ${component.namespace} --set profile=ambient`,
      }),
    ]
  },
}

const nodesCovered: Check = {
  id: 'MB006',
  title: 'Every node of the pods has a ready ztunnel and istio-cni',
  link: links.issue(57788),
  evaluate: ({ snapshot, intent }) => {
    const components = [ztunnel(snapshot), cni(snapshot)].filter((one) => one !== undefined)
    const covered = components.map((component) => ({ component, nodes: readyNodes(component) }))
    function readyNodes({ set, inProcess }: NodeComponent): ReadonlySet<string> | undefined {
      if (inProcess) return undefined
      const { matchLabels } = set.spec.selector
      const pods = snapshot
        .items<Pod>('pod')
        .filter(({ metadata }) => metadata.namespace === set.metadata.namespace)
        .filter(({ metadata }) => matchesLabelSelector({ matchLabels }, metadata.labels))
        .filter(isReady)
      return new Set(pods.map(({ spec }) => spec.nodeName ?? ''))
    }
    const byNode = new Map<string, Pod[]>()
    for (const pod of intent.options.namespaces.flatMap((name) => podsIn(snapshot, name))) {
      const { nodeName, hostNetwork } = pod.spec
      if (nodeName === undefined || hostNetwork || isOptedOut(pod)) continue
      byNode.set(nodeName, [...(byNode.get(nodeName) ?? []), pod])
    }
    return [...byNode].flatMap(([node, pods]) =>
      covered
        .filter(({ nodes }) => nodes !== undefined && !nodes.has(node))
        .map(({ component }) => uncovered(node, pods, component)),
    )
  },
}

function uncovered(node: string, pods: readonly Pod[], { resource }: NodeComponent): CheckFinding {
  const homes = [...new Set(pods.map(({ metadata }) => metadata.namespace ?? ''))]
  const [only, ...others] = homes
  return blocker({
    resource: `Node ${node}`,
    ...(only && others.length === 0 && { namespace: only }),
    reason: `${counted(pods.length, 'pod')} of ${named(homes)} ${pods.length === 1 ? 'runs' : 'run'} there, and no ready pod of ${resource}`,
    remedy: `Let ${resource} onto the node (tolerations, nodeSelector), or keep the pods off it`,
  })
}

function isReady(pod: Pod): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')
  return isLive(pod) && ready?.status === 'True'
}

const notExcluded: Check = {
  id: 'MB007',
  title: 'istio-cni does not exclude the namespaces',
  link: links.platforms,
  evaluate: ({ snapshot, intent }) => {
    const setting = cniSetting(snapshot, 'EXCLUDE_NAMESPACES') ?? 'kube-system'
    const excluded = setting.split(',').map((name) => name.trim())
    return intent.options.namespaces
      .filter((name) => excluded.includes(name))
      .map((namespace) =>
        blocker({
          resource: `Namespace ${namespace}`,
          namespace,
          reason: `istio-cni excludes it (EXCLUDE_NAMESPACES: ${setting}): its pods are not enrolled, from 1.30 on taken out again`,
          remedy: `Take ${namespace} out of excludeNamespaces of the istio-cni chart`,
        }),
      )
  },
}

const enablementSelector: Check = {
  id: 'MB008',
  title: 'The planned labels are those istio-cni looks for',
  link: links.addWorkloads,
  evaluate: (context) => {
    const { snapshot, intent } = context
    const setting = cniSetting(snapshot, 'AMBIENT_ENABLEMENT_SELECTOR')
    if (setting === undefined || setting.trim() === '') return []
    const pairs = members(parsedYaml(setting, 'AMBIENT_ENABLEMENT_SELECTOR'))
    if (pairs.length === 0) return []
    return intent.options.namespaces.flatMap((namespace) => {
      const labels = {
        'kubernetes.io/metadata.name': namespace,
        ...labelsOfNamespace(snapshot, namespace),
        [meshLabels.dataplaneMode]: 'ambient',
      }
      const matches = (pod: Readonly<Record<string, string>>): boolean =>
        pairs.some(
          ({ podSelector, namespaceSelector }) =>
            selects(podSelector, pod) && selects(namespaceSelector, labels),
        )
      if (podLabels(context, namespace).some(matches)) return []
      return [
        blocker({
          resource: `Namespace ${namespace}`,
          namespace,
          reason: `istio-cni has selectors of its own (AMBIENT_ENABLEMENT_SELECTOR), and ${meshLabels.dataplaneMode}=ambient matches none of them`,
          remedy: `Label the namespace as one of them asks: ${JSON.stringify(pairs[0])}`,
        }),
      ]
    })
  },
}

/** An empty selector selects everything, as does a missing one. */
function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  return matchesLabelSelector(isObject(selector) ? selector : {}, labels)
}

/** Of the pods there are, and of one without any labels. */
function podLabels(
  { snapshot }: CheckContext,
  namespace: string,
): readonly Readonly<Record<string, string>>[] {
  if (snapshot.source.from === 'files') return [{}]
  return [{}, ...podsIn(snapshot, namespace).map(({ metadata }) => metadata.labels ?? {})]
}

export const dataPlaneChecks: readonly Check[] = [
  ztunnelReady,
  cniAmbient,
  nodesCovered,
  notExcluded,
  enablementSelector,
]
