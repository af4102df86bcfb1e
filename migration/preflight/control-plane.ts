import { isObject, members } from '../../cluster/api/json.ts'
import { matchesLabelSelector } from '../../cluster/api/label-selector.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { cni, controlPlanes, meshConfigs, ztunnel } from '../inventory/mesh.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import { isBefore } from '../inventory/versions.ts'
import type { Check, CheckContext } from './check.ts'
import { blocker, named, warning } from './finding.ts'
import { links } from './links.ts'
import { revisionOf, servingControlPlanes } from './revisions.ts'
import { labelsOfNamespace } from './targets.ts'

/** Istio supported 1.29 and newer when this was written, in August 2026. */
const OLDEST_SUPPORTED = '1.29'

const ambientEnabled: Check = {
  id: 'MB002',
  title: 'istiod serves ambient',
  link: links.installComponents,
  evaluate: (context) => {
    const serving = servingControlPlanes(context)
    if (serving.length === 0) return [noIstiod(context)]
    return serving
      .filter(({ env }) => env.get('PILOT_ENABLE_AMBIENT') !== 'true')
      .map(({ resource }) =>
        blocker({
          resource,
          reason: 'It runs without PILOT_ENABLE_AMBIENT=true: no ztunnel would learn of the pods',
          remedy: 'istioctl upgrade --set profile=ambient (Helm: --set profile=ambient for istiod)',
        }),
      )
  },
}

function noIstiod({ snapshot }: CheckContext) {
  return blocker({
    resource: `Namespace ${snapshot.rootNamespace}`,
    reason: 'No Deployment is labelled app=istiod: there is no Istio to migrate within',
    remedy: 'Install Istio with the ambient profile, or choose the context of the right cluster',
  })
}

const supportedVersion: Check = {
  id: 'MB003',
  title: 'istiod is new enough',
  link: links.supported,
  evaluate: (context) => {
    const all = servingControlPlanes(context)
    const unknown = all.filter(({ version }) => version === undefined)
    const findings = all.flatMap(({ resource, version }) => {
      if (version === undefined || !isBefore(version, OLDEST_SUPPORTED)) return []
      if (isBefore(version, '1.24')) {
        return [
          blocker({
            resource,
            reason: `Istio ${version.text}: ambient and the statuses that prove it are stable since 1.24`,
            remedy: 'Upgrade Istio to 1.30 first, one minor version at a time',
          }),
        ]
      }
      return [
        warning({
          resource,
          reason: `Istio ${version.text} gets no fixes any more (${OLDEST_SUPPORTED} and newer did in August 2026)`,
          remedy: 'Upgrade Istio before migrating',
        }),
      ]
    })
    if (findings.length === 0 && unknown.length > 0) throw noVersion(unknown)
    return findings
  },
}

function noVersion(unknown: readonly { readonly image: string }[]): NotReadable {
  const images = named([...new Set(unknown.map(({ image }) => image || 'no image'))])
  return new NotReadable(`the tag of ${images} names no version`)
}

const discovery: Check = {
  id: 'MB012',
  title: 'istiod looks at the namespaces',
  link: links.scoping,
  evaluate: ({ snapshot, intent }) =>
    meshConfigs(snapshot).flatMap(({ resource, config }) => {
      const selectors = members(config.discoverySelectors)
      if (selectors.length === 0) return []
      const home = ztunnel(snapshot)?.namespace
      const needed = [...intent.options.namespaces, ...(home === undefined ? [] : [home])]
      return needed
        .filter((name) => {
          const labels = labelsOfNamespace(snapshot, name)
          const own = { 'kubernetes.io/metadata.name': name, ...labels }
          return !selectors.some((selector) => matchesLabelSelector(selector, own))
        })
        .map((name) =>
          blocker(
            {
              resource: `Namespace ${name}`,
              ...(intent.options.namespaces.includes(name) && { namespace: name }),
              reason: `discoverySelectors of ${resource} do not select it: istiod ignores what is in it`,
              remedy: `Give it the labels of one selector: ${JSON.stringify(selectors[0])}`,
            },
            true,
          ),
        )
    }),
}

const skew: Check = {
  id: 'MB009',
  title: 'Versions of istiod, istio-cni and ztunnel go together',
  link: links.upgrade,
  evaluate: (context) => {
    const { snapshot } = context
    const serving = servingControlPlanes(context)
    if (serving.length === 0) throw new NotReadable('there is no istiod to hold the others against')
    const [newest] = [...serving]
      .flatMap(({ version }) => (version ? [version] : []))
      .sort((a, b) => b.major - a.major || b.minor - a.minor || b.patch - a.patch)
    const components = [ztunnel(snapshot), cni(snapshot)].filter((one) => one !== undefined)
    const unknown = components.filter(({ version }) => version === undefined)
    if (newest === undefined) throw noVersion(serving)
    const findings = components.flatMap(({ resource, version }) => {
      if (version === undefined || version.major !== newest.major) return []
      const behind = newest.minor - version.minor
      if (behind >= 0 && behind <= 1) return []
      return [
        warning({
          resource,
          reason:
            behind < 0
              ? `Version ${version.text} is newer than istiod ${newest.text}`
              : `Version ${version.text} is ${behind} minor versions older than istiod ${newest.text}; one is supported`,
          remedy:
            behind < 0
              ? 'Upgrade istiod first'
              : 'Upgrade istio-cni, then ztunnel, in a quiet hour: a new ztunnel resets the long connections of its node',
        }),
      ]
    })
    if (findings.length === 0 && unknown.length > 0) throw noVersion(unknown)
    return findings
  },
}

const revisions: Check = {
  id: 'MB013',
  title: 'Namespace, waypoints and ztunnel follow one revision',
  link: links.upgrade,
  evaluate: (context) => {
    const { snapshot, intent } = context
    if (controlPlanes(snapshot).length < 2) return []
    const others = [...waypointRevisions(context), ...ztunnelRevision(context)]
    return intent.options.namespaces.flatMap((namespace) => {
      const own = revisionOf(context, namespace)
      if (own === undefined) return []
      return others
        .filter((one) => one.namespace === undefined || one.namespace === namespace)
        .filter(({ revision }) => revision !== own)
        .map(({ resource, revision }) =>
          warning({
            resource,
            namespace,
            reason: `It follows revision ${revision}, Namespace ${namespace} revision ${own}: each istiod sends only the configuration of its own`,
            remedy: `Bring both to one revision, or move the tag: istioctl tag set default --revision ${own}`,
          }),
        )
    })
  },
}

interface Follower {
  readonly resource: string
  readonly revision: string
  /** Only of this one's interest. */
  readonly namespace?: string
}

function waypointRevisions(context: CheckContext): readonly Follower[] {
  return context.snapshot
    .items('gateway')
    .filter(({ spec }) => isObject(spec) && spec.gatewayClassName === 'istio-waypoint')
    .map(({ metadata }) => {
      const { name, namespace = '', labels } = metadata
      const asked = labels?.[meshLabels.revision]
      const revision = asked ?? revisionOf(context, namespace) ?? 'default'
      return { resource: `Gateway ${namespace}/${name}`, revision, namespace }
    })
}

function ztunnelRevision({ snapshot }: CheckContext): readonly Follower[] {
  const component = ztunnel(snapshot)
  const revision = component?.set.metadata.labels?.[meshLabels.revision]
  return component === undefined || revision === undefined
    ? []
    : [{ resource: component.resource, revision }]
}

export const controlPlaneChecks: readonly Check[] = [
  ambientEnabled,
  supportedVersion,
  skew,
  discovery,
  revisions,
]
