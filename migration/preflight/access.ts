import { accessQuestions, type Permission } from '../access/permissions.ts'
import type { AccessQuestion } from '../inventory/snapshot.ts'
import type { Check } from './check.ts'
import { finding } from './finding.ts'
import { links } from './links.ts'

type Question = AccessQuestion & Pick<Permission, 'needed' | 'why'>

const access: Check = {
  id: 'MB001',
  title: 'Permissions for every call of the migration',
  link: links.rbac,
  evaluate: ({ snapshot, intent, purpose = 'plan' }) => {
    const { namespaces, restartWorkloads, probe } = intent.options
    const { rootNamespace } = snapshot
    const denied = accessQuestions({ namespaces, rootNamespace })
      .filter(({ needed }) => needed !== 'restart' || restartWorkloads)
      .filter(({ needed }) => needed !== 'probe' || probe)
      .filter((question) => !snapshot.probes.allowed(question))
    const purposeFlag = `${restartWorkloads ? ' --restart-workloads' : ''}${probe ? ' --probe' : ''}`
    return grouped(denied).map(({ resource, where, verbs, needed, why }) =>
      finding(purpose === 'apply' && needed !== 'plan' ? 'blocker' : 'warning', {
        resource,
        ...(where && namespaces.includes(where) && { namespace: where }),
        reason: `You may not ${verbs.join(', ')} ${resource}${where ? ` in ${where}` : ''}: ${why}`,
        remedy: `meshbench migrate rbac --namespace ${namespaces.join(' --namespace ')}${purposeFlag} | kubectl apply -f -`,
      }),
    )
  },
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
