import type { Node, Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { cni } from '../inventory/mesh.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import { isWithin, type Version } from '../inventory/versions.ts'
import { workloadOf } from '../inventory/workload-name.ts'
import type { Check } from './check.ts'
import { blocker, counted, info, named, warning } from './finding.ts'
import { links } from './links.ts'
import { templateLabel } from './patches.ts'
import { byWorkload, hasSidecar, isManagedGateway, isOptedOut, podsIn } from './targets.ts'

const OPT_OUT = { 'istio.io/dataplane-mode': 'none' }

const hostNetwork: Check = {
  id: 'MB034',
  title: 'Pods in the host’s network',
  link: links.issue(61168),
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const pods = podsIn(snapshot, namespace).filter(
        (pod) => pod.spec.hostNetwork === true && !isOptedOut(pod),
      )
      if (pods.length === 0) return []
      const component = cni(snapshot)
      const version = component?.version
      if (component !== undefined && version === undefined) {
        throw new NotReadable(`the tag of ${component.image || 'istio-cni'} names no version`)
      }
      return [...byWorkload(pods)].map(([resource, some]) => {
        const text = { resource, namespace }
        if (version === undefined || !takesHostNetwork(version)) {
          const reason = `${counted(some.length, 'pod')} in the host’s network: never captured, outside the mesh as today`
          return info({ ...text, reason, remedy: 'None needed' })
        }
        return blocker(
          {
            ...text,
            reason: `istio-cni ${version.text} takes pods in the host’s network for eligible; what enrolling them does to the node is not known`,
            remedy: `Upgrade istio-cni to 1.31, or opt out first: ${templateLabel(resource, OPT_OUT)}`,
          },
          true,
        )
      })
    }),
}

/** The filter was missing in these (istio/istio#61168). */
function takesHostNetwork(version: Version): boolean {
  return (
    isWithin(version, '1.27.0', '1.28.999') ||
    isWithin(version, '1.29.0', '1.29.6') ||
    isWithin(version, '1.30.0', '1.30.3')
  )
}

const optedOut: Check = {
  id: 'MB035',
  title: 'Pods that opted out of ambient',
  link: links.resourceLabels,
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const pods = podsIn(snapshot, namespace).filter(
        (pod) => isOptedOut(pod) && !isManagedGateway(pod),
      )
      return [...byWorkload(pods)].map(([resource, some]) =>
        info({
          resource,
          namespace,
          reason: `${counted(some.length, 'pod')} labelled istio.io/dataplane-mode=none ${some.length === 1 ? 'stays' : 'stay'} outside ambient`,
          remedy: 'None if that is meant',
        }),
      )
    }),
}

interface Replaceable extends KubeObject {
  spec?: { readonly updateStrategy?: { readonly type?: string } }
}

const unconvertible: Check = {
  id: 'MB036',
  title: 'Sidecar pods that no rollout replaces',
  link: links.addWorkloads,
  evaluate: ({ snapshot, intent }) => {
    if (intent.liveTakeover) return []
    return intent.options.namespaces.flatMap((namespace) => {
      const pods = podsIn(snapshot, namespace).filter(hasSidecar)
      const kinds = ['statefulSet', 'daemonSet'] as const
      const onDelete = new Set(
        kinds
          .flatMap((kind) => snapshot.items<Replaceable>(kind))
          .filter(({ spec }) => spec?.updateStrategy?.type === 'OnDelete')
          .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
      )
      return [...byWorkload(pods)].flatMap(([resource, some]) => {
        const why = whyNot(resource, some, onDelete)
        if (why === undefined) return []
        return [
          warning({
            resource,
            namespace,
            reason: `${counted(some.length, 'pod')} with a sidecar: ${why}`,
            remedy: `Recreate by hand when it suits: kubectl -n ${namespace} delete pod ${named(some.map(({ metadata }) => metadata.name))}`,
          }),
        ]
      })
    })
  },
}

function whyNot(
  resource: string,
  [first]: readonly Pod[],
  onDelete: ReadonlySet<string>,
): string | undefined {
  const kind = first && workloadOf(first).kind
  if (kind === 'Pod') return 'nobody makes it again'
  if (kind === 'Job') return 'a running Job is not rolled out; its next run is ambient'
  return onDelete.has(resource) ? 'its update strategy is OnDelete' : undefined
}

const linuxOnly: Check = {
  id: 'MB042',
  title: 'Nodes where ztunnel can run',
  link: links.platforms,
  evaluate: ({ snapshot, intent }) => {
    const unfit = new Map(
      snapshot.items<Node>('node').flatMap((node) => {
        const why = unfitness(node)
        return why === undefined ? [] : [[node.metadata.name, why] as const]
      }),
    )
    return intent.options.namespaces.flatMap((namespace) => {
      const pods = podsIn(snapshot, namespace).filter(
        (pod) => unfit.has(pod.spec.nodeName ?? '') && !isOptedOut(pod),
      )
      return [...byWorkload(pods)].map(([resource, some]) =>
        blocker(
          {
            resource,
            namespace,
            reason: `${counted(some.length, 'pod')} on ${unfit.get(some[0]?.spec.nodeName ?? '')}: ztunnel runs on Linux nodes only`,
            remedy: `Keep it out: ${templateLabel(resource, OPT_OUT)}`,
          },
          true,
        ),
      )
    })
  },
}

function unfitness({ metadata, status }: Node): string | undefined {
  const { name, labels = {} } = metadata
  const info = status?.nodeInfo as { readonly operatingSystem?: string } | undefined
  const system = info?.operatingSystem ?? labels['kubernetes.io/os']
  if (system === 'windows') return `Windows node ${name}`
  return labels.type === 'virtual-kubelet' ? `virtual node ${name}` : undefined
}

export const podChecks: readonly Check[] = [hostNetwork, optedOut, unconvertible, linuxOnly]
