import { setTimeout as sleep } from 'node:timers/promises'
import type { KindRef, Selection } from '../api/store.ts'
import { ClusterError, isExpired } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { answerError } from './answer-errors.ts'
import { listPages, selectionQuery } from './list-pages.ts'
import type { ResourcePaths } from './resource-paths.ts'
import { readLines, readText, type Transport } from './transport.ts'
import type { WatchOptions } from './types.ts'

/** The server ends a watch after this long; a connection that died unnoticed is found out by then. */
const WATCH_SECONDS = 290
const SILENCE_TIMEOUT_MS = (WATCH_SECONDS + 10) * 1000
const RETRY_FIRST_MS = 100
const RETRY_MOST_MS = 5_000

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** The last version seen; undefined while a list is needed. */
interface Position {
  version: string | undefined
}

export interface WatchCall<T extends KubeObject> extends WatchOptions {
  readonly transport: Transport
  readonly paths: ResourcePaths
  readonly kind: KindRef
  readonly selection: Selection
  readonly onEvent: (event: { type: EventType; object: T }) => void
  readonly signal: AbortSignal
}

/**
 * Lists, then follows the changes. A lost connection is resumed where it broke off; when the server no
 * longer knows that version, everything is listed again and the differences are told as events.
 */
export async function watchObjects<T extends KubeObject>(call: WatchCall<T>): Promise<void> {
  const { signal } = call
  const known = new Map<string, T>()
  const position: Position = { version: undefined }
  let retryMs = RETRY_FIRST_MS
  while (!signal.aborted) {
    try {
      if (position.version === undefined) await relist(call, known, position)
      await follow(call, known, position)
      retryMs = RETRY_FIRST_MS
    } catch (error) {
      if (signal.aborted) return
      if (isExpired(error)) position.version = undefined
      else if (!isPassing(error)) throw error
      retryMs = Math.min(retryMs * 2, RETRY_MOST_MS)
    }
    const jitter = 0.75 + Math.random() / 2
    await sleep(retryMs * jitter, undefined, { signal }).catch(() => undefined)
  }
}

async function relist<T extends KubeObject>(
  { transport, paths, kind, selection, onEvent, onSynced, signal }: WatchCall<T>,
  known: Map<string, T>,
  position: Position,
): Promise<void> {
  const listed = await listPages<T>(transport, paths, kind, selection, signal)
  const present = new Set(listed.items.map(keyOf))
  for (const [key, object] of [...known]) {
    if (present.has(key)) continue
    known.delete(key)
    onEvent({ type: 'DELETED', object })
  }
  for (const object of listed.items) {
    const before = known.get(keyOf(object))
    known.set(keyOf(object), object)
    if (before === undefined) onEvent({ type: 'ADDED', object })
    else if (before.metadata.resourceVersion !== object.metadata.resourceVersion) {
      onEvent({ type: 'MODIFIED', object })
    }
  }
  onSynced?.()
  position.version = listed.resourceVersion
}

/** Until the server ends it. */
async function follow<T extends KubeObject>(
  { transport, paths, kind, selection, onEvent, signal }: WatchCall<T>,
  known: Map<string, T>,
  position: Position,
): Promise<void> {
  const query = selectionQuery(selection)
  query.set('watch', 'true')
  query.set('allowWatchBookmarks', 'true')
  query.set('resourceVersion', position.version ?? '0')
  query.set('timeoutSeconds', String(WATCH_SECONDS))
  const path = `${await paths.pathOf(kind, selection.namespace)}?${query}`
  const silenceTimeoutMs = SILENCE_TIMEOUT_MS
  const answer = await transport.open({ method: 'GET', path, silenceTimeoutMs, signal })
  if (answer.statusCode !== 200) {
    throw answerError(answer.statusCode ?? 0, await readText(answer))
  }
  for await (const line of readLines(answer, transport.server)) {
    if (signal.aborted) return
    const { type, object } = parseEvent<T>(line)
    position.version = object.metadata.resourceVersion ?? position.version
    if (type === 'BOOKMARK') continue
    if (type === 'DELETED') known.delete(keyOf(object))
    else known.set(keyOf(object), object)
    onEvent({ type, object })
  }
}

function parseEvent<T extends KubeObject>(
  line: string,
): { readonly type: EventType | 'BOOKMARK'; readonly object: T } {
  let event: { readonly type: EventType | 'BOOKMARK' | 'ERROR'; readonly object: T }
  try {
    event = JSON.parse(line)
  } catch (cause) {
    throw new ClusterError('A watch broke off in the middle of an event', { cause })
  }
  if (event.type === 'ERROR') throw answerError(500, JSON.stringify(event.object))
  return { type: event.type, object: event.object }
}

/** Whether it is worth trying again: no answer, or an answer that speaks of the server's troubles. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof ClusterError)) return false
  const { status } = error
  return status === undefined || status === 429 || status >= 500
}

function keyOf({ metadata }: KubeObject): string {
  return metadata.uid ?? `${metadata.namespace}/${metadata.name}`
}
