import type { PeerAuthentication, Pod } from '../../cluster/kinds.ts'
import { mtlsOf } from '../../cluster/mesh/peer-authentication.ts'
import { meshLabels, systemNamespace } from '../../cluster/mesh-labels.ts'
import { type HboneSetting, hboneSetting } from '../inventory/sidecar-hbone.ts'
import { NotReadable, type Snapshot } from '../inventory/snapshot.ts'
import { workloadOf } from '../inventory/workload-name.ts'
import type { Check, CheckContext, CheckFinding } from './check.ts'
import { blocker, counted, info, named, warning } from './finding.ts'
import { links } from './links.ts'
import { byWorkload, hasSidecar, podsIn } from './targets.ts'

const counts: Check = {
  id: 'MB030',
  title: 'Pods that keep a sidecar until they are recreated',
  link: links.addWorkloads,
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const sidecars = podsIn(snapshot, namespace).filter(hasSidecar)
      if (sidecars.length === 0) return []
      const workloads = counted(byWorkload(sidecars).size, 'workload')
      const pods = `${counted(sidecars.length, 'pod')} of ${workloads}`
      const one = sidecars.length === 1
      const resource = `Namespace ${namespace}`
      if (intent.liveTakeover) {
        return [
          info({
            resource,
            namespace,
            reason: `${pods} ${one ? 'is' : 'are'} taken over from ${one ? 'its sidecar while it runs' : 'their sidecars while they run'}, as only this embedded cluster does`,
            remedy: 'None needed',
          }),
        ]
      }
      return [
        info({
          resource,
          namespace,
          reason: intent.options.restartWorkloads
            ? `${pods} ${one ? 'carries a sidecar and is' : 'carry sidecars and are'} recreated, one workload at a time`
            : `${pods} ${one ? 'carries a sidecar and keeps it until something recreates it' : 'carry sidecars and keep them until something recreates them'}`,
          remedy: intent.options.restartWorkloads
            ? 'None needed'
            : 'Plan with --restart-workloads, or wait for their next rollouts; meshbench migrate status counts them',
        }),
      ]
    }),
}

const takeHbone: Check = {
  id: 'MB031',
  title: 'Sidecars that ambient pods call take HBONE',
  link: links.installComponents,
  evaluate: (context) => {
    const { snapshot, intent } = context
    // There they move all together, and speak both until then.
    if (intent.liveTakeover) return []
    const { pods, unknown } = calledPods(context)
    const without = pods
      .filter(hasSidecar)
      .filter(({ metadata }) => metadata.labels?.[meshLabels.tunnel] !== 'http')
    const findings = grouped(without, (pod) => ({
      strict: isStrict(snapshot, pod),
      setting: hboneSetting(snapshot, pod.metadata.annotations),
    })).map((group) => withoutTunnel(context, group))
    if (findings.length === 0 && unknown !== undefined) throw unknown
    return findings
  },
}

interface Group {
  readonly namespace: string
  readonly strict: boolean
  /** Whether pods that replace them would take HBONE. */
  readonly setting: HboneSetting
  readonly pods: readonly Pod[]
}

function grouped(
  pods: readonly Pod[],
  kindOf: (pod: Pod) => Pick<Group, 'strict' | 'setting'>,
): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const pod of pods) {
    const { namespace = '' } = pod.metadata
    const kind = kindOf(pod)
    const key = `${namespace} ${kind.strict} ${kind.setting}`
    groups.set(key, { namespace, ...kind, pods: [...(groups.get(key)?.pods ?? []), pod] })
  }
  return [...groups.values()]
}

const outlook: Readonly<Record<HboneSetting, string>> = {
  on: '',
  off: '; restarted, they would still not take HBONE, as it is off in the configuration of the mesh or the pods',
  unknown:
    "; whether it helps to restart them is unknown, as the mesh's configuration cannot be read",
}

const precondition: Readonly<Record<HboneSetting, string>> = {
  on: 'The ambient profile is on, so',
  off: 'Enable it first (ISTIO_META_ENABLE_HBONE: "true" in defaultConfig.proxyMetadata of the mesh, and in no pod annotation proxy.istio.io/config otherwise), then',
  unknown: 'After the ambient profile is on',
}

function withoutTunnel({ intent }: CheckContext, group: Group): CheckFinding {
  const { namespace, strict, setting, pods } = group
  const workloads = [...byWorkload(pods).keys()].map((name) =>
    name.replace(` ${namespace}/`, '/').toLowerCase(),
  )
  const restart = `kubectl -n ${namespace} rollout restart ${workloads.join(' ')}`
  const text = {
    resource: `Namespace ${namespace}`,
    ...(intent.options.namespaces.includes(namespace) && { namespace }),
    reason: `${counted(pods.length, 'pod')} of ${named(workloads)} without label ${meshLabels.tunnel}=http: ambient pods reach ${pods.length === 1 ? 'it' : 'them'} in plaintext only${strict ? ', which STRICT refuses' : ''}${outlook[setting]}`,
    remedy: `${precondition[setting]}: ${restart}`,
  }
  return strict ? blocker(text, true) : warning(text)
}

/** Of the namespaces, whose pods call one another in the time between, and those they are known to call. */
function calledPods({ snapshot, intent }: CheckContext): {
  readonly pods: readonly Pod[]
  readonly unknown?: NotReadable
} {
  const { namespaces } = intent.options
  const own = namespaces.flatMap((name) => podsIn(snapshot, name))
  try {
    const callees = namespaces.flatMap((name) => snapshot.probes.callees(name))
    const others = new Set(callees.map(({ namespace, workload }) => `${namespace}/${workload}`))
    const called = snapshot
      .items<Pod>('pod')
      .filter(({ metadata }) => !namespaces.includes(metadata.namespace ?? ''))
      .filter((pod) => others.has(`${pod.metadata.namespace}/${workloadOf(pod).name}`))
    return { pods: [...own, ...called] }
  } catch (error) {
    if (error instanceof NotReadable) return { pods: own, unknown: error }
    throw error
  }
}

/** What PeerAuthentication comes to for a pod. */
export function isStrict(snapshot: Snapshot, pod: Pod): boolean {
  const { rootNamespace } = snapshot
  const policies = snapshot
    .items<PeerAuthentication>('peerAuthentication')
    .map((policy) =>
      policy.metadata.namespace === rootNamespace
        ? { ...policy, metadata: { ...policy.metadata, namespace: systemNamespace } }
        : policy,
    )
  return mtlsOf(pod, policies).mode === 'STRICT'
}

export const sidecarChecks: readonly Check[] = [counts, takeHbone]
