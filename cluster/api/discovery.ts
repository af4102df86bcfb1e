import { kubernetesRelease } from '../release.ts'
import { aggregated } from './aggregated-discovery.ts'
import { groupOf, type KindDefinition, type KindTable } from './kind-table.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const VERSION = {
  major: kubernetesRelease.major,
  minor: kubernetesRelease.minor,
  gitVersion: `${kubernetesRelease.version}+meshbench`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
}

/** Kinds that are asked, not stored (access-review.ts), but that clients look for all the same. */
const REVIEWS = [
  { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
  { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview' },
]

/** Kinds that are measured, not stored (metrics.ts). */
const METRICS = [
  { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'NodeMetrics', plural: 'nodes', namespaced: false },
  { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', plural: 'pods', namespaced: true },
]

/** What `kubectl` and client libraries read to learn which kinds there are; undefined elsewhere. */
export function discoveryAnswer(pathname: string, kinds: KindTable): unknown {
  const [root, group, version, ...more] = pathname.split('/').slice(1).filter(Boolean)
  if (more.length > 0) return undefined
  if (root === 'version' && group === undefined) return VERSION
  if (root === 'api' && version === undefined) {
    return group === undefined ? coreVersions() : resources(group, kinds)
  }
  if (root !== 'apis') return undefined
  const groups = groupsOf(kinds)
  if (group === undefined) return { kind: 'APIGroupList', apiVersion: 'v1', groups }
  if (version !== undefined) return resources(`${group}/${version}`, kinds)
  const found = groups.find(({ name }) => name === group)
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...found }
}

/** All groups of a root at once; undefined for other paths. */
export function aggregatedAnswer(pathname: string, kinds: KindTable): unknown {
  const version = (groupVersion: string, name: string) => ({
    version: name,
    resources: resources(groupVersion, kinds)?.resources,
  })
  if (pathname === '/api') return aggregated([{ name: '', versions: [version('v1', 'v1')] }])
  if (pathname !== '/apis') return undefined
  return aggregated(
    groupsOf(kinds).map(({ name, versions }) => ({
      name,
      versions: versions.map((one) => version(one.groupVersion, one.version)),
    })),
  )
}

function coreVersions(): unknown {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

function groupsOf(kinds: KindTable) {
  const apiVersions = new Set(
    [...kinds.all, ...REVIEWS, ...METRICS].map(({ apiVersion }) => apiVersion),
  )
  const groups = new Map<string, { groupVersion: string; version: string }[]>()
  for (const groupVersion of apiVersions) {
    const name = groupOf(groupVersion)
    if (name === '') continue
    const versions = groups.get(name) ?? []
    versions.push({ groupVersion, version: groupVersion.slice(name.length + 1) })
    groups.set(name, versions)
  }
  return [...groups].map(([name, versions]) => ({ name, versions, preferredVersion: versions[0] }))
}

function resources(groupVersion: string, kinds: KindTable) {
  const reviews = REVIEWS.filter(({ apiVersion }) => apiVersion === groupVersion).map(
    ({ kind }) => ({
      name: `${kind.toLowerCase()}s`,
      singularName: '',
      namespaced: false,
      kind,
      verbs: ['create'],
    }),
  )
  const measured = METRICS.filter(({ apiVersion }) => apiVersion === groupVersion).map(
    ({ kind, plural, namespaced }) => ({
      name: plural,
      singularName: '',
      namespaced,
      kind,
      verbs: ['get', 'list'],
    }),
  )
  const stored = kinds.all.filter(({ apiVersion }) => apiVersion === groupVersion)
  // By name, as in a real cluster: clients such as `kubectl get all` go through them in this order.
  const byName = stored.toSorted((a, b) => (a.plural < b.plural ? -1 : 1))
  const found = [...byName.flatMap(rows), ...reviews, ...measured]
  if (found.length === 0) return undefined
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: found }
}

function rows(definition: KindDefinition): unknown[] {
  const { plural, singular, namespaced, kind, shortNames, categories } = definition
  const part = (name: string, partKind: string, verbs: readonly string[], more = {}) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    kind: partKind,
    verbs,
    ...more,
  })
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs: VERBS,
      ...(shortNames && shortNames.length > 0 && { shortNames }),
      ...(categories && { categories }),
    },
    ...(definition.statusSubresource ? [part('status', kind, ['get', 'patch', 'update'])] : []),
    ...(definition.scale
      ? [
          part('scale', 'Scale', ['get', 'patch', 'update'], {
            group: 'autoscaling',
            version: 'v1',
          }),
        ]
      : []),
    ...(kind === 'ServiceAccount'
      ? [
          part('token', 'TokenRequest', ['create'], {
            group: 'authentication.k8s.io',
            version: 'v1',
          }),
        ]
      : []),
    ...(kind === 'Pod'
      ? [
          part('eviction', 'Eviction', ['create'], { group: 'policy', version: 'v1' }),
          part('log', kind, ['get']),
          part('proxy', 'PodProxyOptions', ['create', 'delete', 'get', 'patch', 'update']),
        ]
      : []),
  ]
}
