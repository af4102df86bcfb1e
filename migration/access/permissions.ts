import { KINDS } from '../../cluster/api/kinds.ts'
import { inventoryKinds } from '../inventory/kinds.ts'
import type { AccessQuestion } from '../inventory/snapshot.ts'

/** One thing that must be allowed, and what for. */
export interface Permission {
  /** Everywhere, in each namespace to migrate, in the mesh's root namespace, or in `kube-system`. */
  readonly scope: 'cluster' | 'namespace' | 'root' | 'system'
  /** Who needs it: `plan` alone, also `apply`, or only `--restart-workloads`, `--probe`, `--clean-up`. */
  readonly needed: 'plan' | 'apply' | 'restart' | 'probe' | 'clean-up'
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  readonly verbs: readonly string[]
  readonly why: string
}

/** Where Kubernetes keeps its own. */
export const systemHome = 'kube-system'

/** Secrets are readable in the root namespace alone: RBAC cannot say `with this label`. */
const inRootOnly: readonly string[] = ['Secret', 'ConfigMap']

/**
 * Every call a migration can make. `rbac` prints them as roles, MB001 asks the API server about them
 * one by one, and no other call may be made: a plan is tested against this table.
 */
export const permissions: readonly Permission[] = [...reads(), ...writes()]

function reads(): Permission[] {
  const kinds = Object.values(inventoryKinds).map(({ apiVersion, kind }): Permission => {
    const rooted = inRootOnly.includes(kind)
    return {
      scope: rooted ? 'root' : 'cluster',
      needed: 'plan',
      ...resourceOf(apiVersion, kind),
      verbs: ['get', 'list', 'watch'],
      why: rooted ? 'configuration and remote clusters of the mesh' : 'what a plan follows from',
    }
  })
  const proxy = { needed: 'plan', group: '', resource: 'pods', subresource: 'proxy' } as const
  const metrics = 'metrics and configuration of proxies, which show callers and capture'
  return [
    ...kinds,
    { ...proxy, scope: 'namespace', verbs: ['get'], why: metrics },
    { ...proxy, scope: 'root', verbs: ['get'], why: metrics },
    {
      scope: 'system',
      needed: 'plan',
      ...resourceOf('v1', 'ConfigMap'),
      verbs: ['get'],
      why: 'settings of Cilium, and of istio-cni where it is installed there',
    },
  ]
}

function writes(): Permission[] {
  const own = (group: string, resource: string, verbs: readonly string[], why: string) =>
    ({ scope: 'namespace', needed: 'apply', group, resource, verbs, why }) as const
  const generated = ['create', 'patch', 'delete']
  const restart = ['deployments', 'statefulsets', 'daemonsets'].map(
    (resource) =>
      ({
        ...own('apps', resource, ['patch'], 'rolling restart, one workload at a time'),
        needed: 'restart',
      }) as const,
  )
  return [
    own('', 'namespaces', ['patch'], 'injection, ambient and waypoint labels'),
    own('', 'services', ['patch'], 'waypoint labels of single services'),
    own('', 'pods', ['create'], 'only with dryRun: shows whether the webhook still injects'),
    own('coordination.k8s.io', 'leases', ['get', ...generated], 'one migration at a time'),
    own('gateway.networking.k8s.io', 'gateways', generated, 'the waypoint'),
    own('security.istio.io', 'authorizationpolicies', generated, 'policies for the waypoint'),
    own('security.istio.io', 'requestauthentications', generated, 'tokens at the waypoint'),
    own('telemetry.istio.io', 'telemetries', generated, 'telemetry of the waypoint'),
    own('extensions.istio.io', 'wasmplugins', generated, 'plugins of the waypoint'),
    own('networking.k8s.io', 'networkpolicies', generated, 'admit HBONE and probes'),
    {
      ...own(
        '',
        'pods',
        ['create', 'get'],
        'admin port of ztunnel, which proves that pods are captured',
      ),
      scope: 'root',
      subresource: 'portforward',
    },
    ...probe(own),
    {
      ...own(
        'networking.istio.io',
        'virtualservices',
        ['create', 'delete'],
        'routes that only sidecars went by, and to bring them back',
      ),
      needed: 'clean-up',
    },
    ...restart,
  ]
}

/** The canary itself is created in the namespace; its answers and the proof of them stand in logs. */
function probe(
  own: (group: string, resource: string, verbs: readonly string[], why: string) => Permission,
): Permission[] {
  const log = { subresource: 'log', needed: 'probe' } as const
  return [
    { ...own('', 'pods', ['create', 'delete'], 'the canary of --probe'), needed: 'probe' },
    { ...own('', 'pods', ['get'], 'what the canary of --probe says'), ...log },
    { ...own('', 'pods', ['get'], 'access log of ztunnel, for --probe'), ...log, scope: 'root' },
  ]
}

/** What to ask SelfSubjectAccessReview for these namespaces. */
export function accessQuestions(target: {
  readonly namespaces: readonly string[]
  readonly rootNamespace: string
}): readonly (AccessQuestion & Pick<Permission, 'needed' | 'why'>)[] {
  return permissions.flatMap(({ scope, verbs, ...permission }) => {
    const places =
      scope === 'cluster'
        ? [undefined]
        : scope === 'root'
          ? [target.rootNamespace]
          : scope === 'system'
            ? [systemHome]
            : target.namespaces
    return places.flatMap((namespace) =>
      verbs.map((verb) => ({ ...permission, verb, ...(namespace && { namespace }) })),
    )
  })
}

/** `{ group: 'apps', resource: 'deployments' }` */
export function resourceOf(
  apiVersion: string,
  kind: string,
): { readonly group: string; readonly resource: string } {
  const row = KINDS.find((one) => one.apiVersion === apiVersion && one.kind === kind)
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
  // Kinds the embedded cluster does not serve have regular plurals.
  const regular = `${kind.toLowerCase().replace(/y$/, 'ie')}s`
  return { group, resource: row?.plural ?? regular }
}
