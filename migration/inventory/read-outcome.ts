import { ClusterError, isNotFound } from '../../cluster/errors.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { NotReadable } from './snapshot.ts'

/** What came of reading some objects: them, or why not. */
export type ReadOutcome =
  | { readonly items: readonly KubeObject[] }
  | { readonly why: string; readonly missingKind?: boolean }

/**
 * Being refused, or asking for a kind the cluster does not have, is a fact about the cluster; any other
 * failure ends the reading, because a plan made of half a cluster would be wrong.
 */
export async function tried(
  what: string,
  read: () => Promise<readonly KubeObject[]>,
): Promise<ReadOutcome> {
  try {
    return { items: await read() }
  } catch (error) {
    if (isForbidden(error)) return { why: `no permission to ${what}` }
    if (isNotFound(error)) return { why: 'the cluster has no such kind', missingKind: true }
    throw error
  }
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ClusterError && error.status === 403
}

export function itemsOf(outcome: ReadOutcome | undefined): readonly KubeObject[] {
  if (outcome === undefined) throw new NotReadable('it was not read')
  if ('why' in outcome) throw new NotReadable(outcome.why)
  return outcome.items
}
