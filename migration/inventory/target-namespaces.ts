import { nearest } from '../../cluster/nearest.ts'
import { MigrationError } from '../errors.ts'
import type { ReadOutcome } from './read-outcome.ts'

/** @throws MigrationError for a namespace the cluster does not have. */
export function checkNamespaces(
  wanted: readonly string[],
  namespaces: ReadOutcome | undefined,
): void {
  // Whoever may not list namespaces may still know which one is meant.
  if (namespaces === undefined || 'why' in namespaces) return
  const known = namespaces.items.map(({ metadata }) => metadata.name)
  for (const name of wanted) {
    if (!known.includes(name)) throw unknownNamespace(name, known)
  }
}

function unknownNamespace(name: string, known: readonly string[]): MigrationError {
  const meant = nearest(name, known)
  return new MigrationError(`The cluster has no namespace ${name}`, {
    code: 'MIGRATION_NAMESPACE',
    hint:
      meant === undefined
        ? 'List them with kubectl get namespaces, and check the current context.'
        : `Did you mean ${meant}?`,
    exitCode: 2,
  })
}
