import type { KubeObject } from '../../cluster/objects.ts'
import { type Permission, permissions, systemHome } from './permissions.ts'

export interface RolesRequest {
  readonly namespaces: readonly string[]
  readonly rootNamespace: string
  readonly purpose: 'plan' | 'apply' | 'restart'
  /** With `--probe`: canaries, and reading logs. @default false */
  readonly probe?: boolean
  /** With `--clean-up`: routes that are deleted. @default false */
  readonly cleanUp?: boolean
  readonly subject: Subject
}

export type Subject =
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string }
  | { readonly kind: 'User' | 'Group'; readonly name: string }

const rbac = 'rbac.authorization.k8s.io'
const purposes: readonly RolesRequest['purpose'][] = ['plan', 'apply', 'restart']

/**
 * Roles with just what a migration of these namespaces needs. Namespaces themselves are patched under a
 * Role in them: the authorizer takes a namespace to lie within itself
 * (kubernetes/kubernetes apiserver/pkg/endpoints/request/requestinfo.go).
 */
export function rolesFor(request: RolesRequest) {
  const { namespaces, rootNamespace, purpose, probe = false, cleanUp = false, subject } = request
  const needed: readonly Permission['needed'][] = [
    ...purposes.slice(0, purposes.indexOf(purpose) + 1),
    ...(probe ? (['probe'] as const) : []),
    ...(cleanUp ? (['clean-up'] as const) : []),
  ]
  const rules = (scope: Permission['scope']) =>
    compact(permissions.filter((one) => one.scope === scope && needed.includes(one.needed)))
  const name = 'meshbench-migrate'
  // One in the root namespace must not take the place of that namespace's own.
  const rootName = 'meshbench-migrate-mesh'
  const systemName = 'meshbench-migrate-system'
  const namespaced = namespaces.flatMap((namespace) => [
    role({ name, namespace }, rules('namespace')),
    binding({ name, namespace }, subject),
  ])
  return [
    ...account(subject),
    role({ name }, rules('cluster')),
    binding({ name }, subject),
    role({ name: rootName, namespace: rootNamespace }, rules('root')),
    binding({ name: rootName, namespace: rootNamespace }, subject),
    role({ name: systemName, namespace: systemHome }, rules('system')),
    binding({ name: systemName, namespace: systemHome }, subject),
    ...namespaced,
  ]
}

interface Place {
  readonly name: string
  readonly namespace?: string
}

function account(subject: Subject): readonly KubeObject[] {
  if (subject.kind !== 'ServiceAccount') return []
  const { name, namespace } = subject
  return [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }]
}

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

function role(place: Place, rules: readonly Rule[]): KubeObject {
  return {
    apiVersion: `${rbac}/v1`,
    kind: place.namespace === undefined ? 'ClusterRole' : 'Role',
    metadata: { ...place },
    rules,
  }
}

function binding(place: Place, subject: Subject): KubeObject {
  const kind = place.namespace === undefined ? 'ClusterRole' : 'Role'
  const { name } = place
  return {
    apiVersion: `${rbac}/v1`,
    kind: `${kind}Binding`,
    metadata: { ...place },
    roleRef: { apiGroup: rbac, kind, name },
    subjects: [subject.kind === 'ServiceAccount' ? subject : { apiGroup: rbac, ...subject }],
  }
}

/** One rule per group and set of verbs. */
function compact(needed: readonly Permission[]): readonly Rule[] {
  const byVerbs = new Map<string, Permission[]>()
  for (const one of needed) {
    const key = `${one.group} ${one.verbs.join(' ')}`
    byVerbs.set(key, [...(byVerbs.get(key) ?? []), one])
  }
  return [...byVerbs.values()].map((same) => ({
    apiGroups: [same[0]?.group ?? ''],
    resources: same.map(({ resource, subresource }) =>
      subresource === undefined ? resource : `${resource}/${subresource}`,
    ),
    verbs: same[0]?.verbs ?? [],
  }))
}
