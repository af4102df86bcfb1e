import { stringify } from 'yaml'
import { rolesFor, type Subject } from '../../migration/access/roles.ts'
import type { RawRbacOptions } from '../commands/migrate/rbac.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { namespacesOf } from './namespaces.ts'

export async function rbac(raw: RawRbacOptions, context: CommandContext): Promise<number> {
  const more = raw.probe ? '--probe' : raw.cleanUp ? '--clean-up' : '--restart-workloads'
  if (raw.planOnly && (raw.restartWorkloads || raw.probe || raw.cleanUp)) {
    throw new UsageError(`--plan-only and ${more} exclude each other`, 'leave one of them out')
  }
  const namespaces = namespacesOf(raw)
  const roles = rolesFor({
    namespaces,
    rootNamespace: raw.rootNamespace ?? 'istio-system',
    purpose: raw.planOnly ? 'plan' : raw.restartWorkloads ? 'restart' : 'apply',
    ...(raw.probe && { probe: true }),
    ...(raw.cleanUp && { cleanUp: true }),
    subject: subjectOf(raw.subject, namespaces[0] ?? 'default'),
  })
  context.out(
    context.json
      ? JSON.stringify({ apiVersion: 'v1', kind: 'List', items: roles })
      : roles
          .map((role) => stringify(role))
          .join('---\n')
          .trimEnd(),
  )
  return exitCodes.ok
}

function subjectOf(text: string | undefined, namespace: string): Subject {
  if (text === undefined) return { kind: 'ServiceAccount', name: 'meshbench', namespace }
  const [, kind, rest] = /^(user|group|serviceaccount):(.+)$/.exec(text) ?? []
  if (kind === 'user' && rest !== undefined) return { kind: 'User', name: rest }
  if (kind === 'group' && rest !== undefined) return { kind: 'Group', name: rest }
  const [, home, name] = /^([^/]+)\/([^/]+)$/.exec(rest ?? '') ?? []
  if (home === undefined || name === undefined) {
    throw new UsageError(
      `--subject: "${text}" names nobody`,
      'user:jane, group:platform or serviceaccount:ci/deployer',
    )
  }
  return { kind: 'ServiceAccount', name, namespace: home }
}
