import { accessQuestions, type Permission } from '../access/permissions.ts'
import type { AccessQuestion, Snapshot } from '../inventory/snapshot.ts'
import type { PlanOptions } from '../plan/intent.ts'
import type { Check } from './check.ts'
import { finding } from './finding.ts'
import { links } from './links.ts'

type Question = AccessQuestion & Pick<Permission, 'needed' | 'why'>

const access: Check = {
  id: 'MB001',
  title: 'Permissions for every call of the migration',
  link: links.rbac,
  evaluate: ({ snapshot, intent, purpose = 'plan' }) => {
    const { options } = intent
    return deniedTo(snapshot, options).map(({ resource, where, needed, reason }) =>
      finding(purpose === 'apply' && needed !== 'plan' ? 'blocker' : 'warning', {
        resource,
        ...(where && options.namespaces.includes(where) && { namespace: where }),
        reason,
        remedy: `${rbacCommand(options)} | kubectl apply -f -`,
      }),
    )
  },
}

type Asked = Pick<PlanOptions, 'namespaces' | 'restartWorkloads' | 'probe' | 'cleanUp'>

export interface Denial {
  readonly resource: string
  readonly where: string | undefined
  readonly needed: Permission['needed']
  /** A sentence. */
  readonly reason: string
}

/** What carrying such a plan out needs, and we may not do. */
export function deniedTo(
  { probes, rootNamespace }: Pick<Snapshot, 'probes' | 'rootNamespace'>,
  { namespaces, restartWorkloads, probe, cleanUp }: Asked,
): readonly Denial[] {
  const denied = accessQuestions({ namespaces, rootNamespace })
    .filter(({ needed }) => needed !== 'restart' || restartWorkloads)
    .filter(({ needed }) => needed !== 'probe' || probe)
    .filter(({ needed }) => needed !== 'clean-up' || cleanUp)
    .filter((question) => !probes.allowed(question))
  return grouped(denied).map(({ resource, where, verbs, needed, why }) => ({
    resource,
    where,
    needed,
    reason: `You may not ${verbs.join(', ')} ${resource}${where ? ` in ${where}` : ''}: ${why}`,
  }))
}

/** What prints the roles for it. */
export function rbacCommand(asked: Asked): string {
  const { namespaces, restartWorkloads, probe, cleanUp } = asked
  const flags = [
    restartWorkloads ? ' --restart-workloads' : '',
    probe ? ' --probe' : '',
    cleanUp ? ' --clean-up' : '',
  ].join('')
  return `meshbench migrate rbac --namespace ${namespaces.join(' --namespace ')}${flags}`
}

interface Denied extends Pick<Permission, 'needed' | 'why'> {
  readonly resource: string
  readonly where: string | undefined
  readonly verbs: readonly string[]
}

/** One for all verbs on one resource in one place. */
function grouped(questions: readonly Question[]): readonly Denied[] {
  const groups = new Map<string, Denied>()
  for (const { resource, subresource, group, namespace, verb, needed, why } of questions) {
    const name = `${subresource ? `${resource}/${subresource}` : resource}${group ? `.${group}` : ''}`
    const key = `${name} ${namespace ?? ''} ${needed}`
    const verbs = [...(groups.get(key)?.verbs ?? []), verb]
    groups.set(key, { resource: name, where: namespace, verbs, needed, why })
  }
  return [...groups.values()]
}

export const accessChecks: readonly Check[] = [access]
