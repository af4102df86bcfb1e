import type { KindRef, Selection } from '../api/store.ts'
import { isExpired } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import type { ResourcePaths } from './resource-paths.ts'
import type { Transport } from './transport.ts'

const PAGE_LENGTH = 500
/** Who shrinks objects does so for lack of memory, and a page is in memory three times over. */
const SHORT_PAGE_LENGTH = 250
/** A list that expires more often than this is not going to be finished. */
const ATTEMPTS = 3

export interface Listed<T> {
  readonly items: T[]
  readonly resourceVersion: string
}

interface ListAnswer {
  readonly items?: readonly KubeObject[] | null
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

/** All pages; from the beginning again when the server no longer knows the version of the first. */
export async function listPages<T extends KubeObject>(
  transport: Transport,
  paths: ResourcePaths,
  kind: KindRef,
  selection: Selection,
  signal?: AbortSignal,
): Promise<Listed<T>> {
  const whole = (item: T): T => item
  return inPages({ transport, paths, kind, selection, signal, project: whole, limit: PAGE_LENGTH })
}

/** As listPages, with each object shrunk to what `project` keeps; undefined leaves it out. */
export async function eachPage<T extends KubeObject, P>(
  transport: Transport,
  paths: ResourcePaths,
  kind: KindRef,
  selection: Selection,
  project: (object: T) => P | undefined,
  signal?: AbortSignal,
): Promise<Listed<P>> {
  return inPages({ transport, paths, kind, selection, signal, project, limit: SHORT_PAGE_LENGTH })
}

interface Listing<T extends KubeObject, P> {
  readonly transport: Transport
  readonly paths: ResourcePaths
  readonly kind: KindRef
  readonly selection: Selection
  readonly project: (object: T) => P | undefined
  readonly limit: number
  readonly signal: AbortSignal | undefined
}

async function inPages<T extends KubeObject, P>(listing: Listing<T, P>): Promise<Listed<P>> {
  const path = await listing.paths.pathOf(listing.kind, listing.selection.namespace)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await allPages(path, listing)
    } catch (error) {
      if (!isExpired(error) || attempt === ATTEMPTS) throw error
    }
  }
}

async function allPages<T extends KubeObject, P>(
  path: string,
  { transport, kind, selection, project, limit, signal }: Listing<T, P>,
): Promise<Listed<P>> {
  const query = selectionQuery(selection)
  query.set('limit', String(limit))
  const items: P[] = []
  for (;;) {
    const call = { method: 'GET', path: `${path}?${query}`, ...(signal && { signal }) }
    const page = JSON.parse(await transport.text(call)) as ListAnswer
    // Items of built-in kinds come without the kind that the list around them says.
    const { apiVersion, kind: name } = kind
    for (const item of page.items ?? []) {
      const kept = project({ ...item, apiVersion, kind: name } as T)
      if (kept !== undefined) items.push(kept)
    }
    const { resourceVersion = '', continue: next } = page.metadata ?? {}
    if (!next) return { items, resourceVersion }
    query.set('continue', next)
  }
}

export function selectionQuery({ labelSelector, fieldSelector }: Selection): URLSearchParams {
  return new URLSearchParams({
    ...(labelSelector && { labelSelector }),
    ...(fieldSelector && { fieldSelector }),
  })
}
