import { ClusterError, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { firstFrom, keyOf } from './collection.ts'
import { type Continuation, continueToken, parseContinueToken } from './continue-token.ts'
import type { MemoryStore } from './memory-store.ts'
import { tooLargeVersion } from './object-errors.ts'
import { numberOf, selectionOf } from './query.ts'
import type { Route } from './route.ts'

export interface Page {
  readonly items: readonly KubeObject[]
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
}

/** One page of a list. All pages of a list show the same version, or the client is told to restart. */
export function listPage(store: MemoryStore, route: Route, query: URLSearchParams): Page {
  const selection = selectionOf(route, query)
  const limit = numberOf(query, 'limit') || Number.POSITIVE_INFINITY
  const token = query.get('continue')
  const start = token ? parseContinueToken(token) : undefined
  const version = start?.version ?? exactVersion(query, store)
  const all = snapshot(store, route, selection, version, start)
  const from = start === undefined ? 0 : firstAfter(all, start)
  const items = all.slice(from, from + limit)
  const last = items.at(-1)
  const remaining = all.length - from - items.length
  const resourceVersion = version ?? Number(store.resourceVersion)
  return {
    items,
    metadata: {
      resourceVersion: String(resourceVersion),
      ...(last !== undefined &&
        remaining > 0 && {
          continue: continueToken({ version: resourceVersion, after: keyOf(last.metadata) }),
          // With a selector Kubernetes would have to look at all of them to know.
          ...(!selection.labelSelector &&
            !selection.fieldSelector && { remainingItemCount: remaining }),
        }),
    },
  }
}

function snapshot(
  store: MemoryStore,
  { kind }: Route,
  selection: ReturnType<typeof selectionOf>,
  version: number | undefined,
  start: Continuation | undefined,
): readonly KubeObject[] {
  try {
    return store.snapshot(kind, selection, version)
  } catch (error) {
    if (start === undefined || !(error instanceof ClusterError) || error.status !== 410) throw error
    const message =
      'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.'
    throw statusError('Expired', message)
  }
}

/**
 * The moment a list is to show, when it is not the present one: which is later than any moment that a
 * client can name (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
 */
function exactVersion(query: URLSearchParams, store: MemoryStore): number | undefined {
  const version = numberOf(query, 'resourceVersion') || undefined
  if (version === undefined) return undefined
  const current = Number(store.resourceVersion)
  if (version > current) throw tooLargeVersion(version, current)
  const match = query.get('resourceVersionMatch')
  const isExact = match === 'Exact' || (!match && Boolean(numberOf(query, 'limit')))
  return isExact ? version : undefined
}

/** Names hold no NUL: nothing comes between a key and itself with one more. */
function firstAfter(objects: readonly KubeObject[], { after }: Continuation): number {
  return firstFrom(objects, `${after}\0`)
}
