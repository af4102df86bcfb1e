import type { ServerResponse } from 'node:http'
import type { KubeObject } from '../objects.ts'
import { statusOf } from './answers.ts'
import type { MemoryStore } from './memory-store.ts'
import { isOn, numberOf, selectionOf } from './query.ts'
import type { Route } from './route.ts'
import type { StoreEvent } from './store.ts'

/** As in Kubernetes, so that a resumed watch of a quiet kind does not begin with 410. */
const BOOKMARK_INTERVAL_MS = 60_000
/** A client that lets this much pile up is cut off, and lists again. */
const BACKLOG_MAX_BYTES = 2 * 1024 * 1024

export interface WatchRequest {
  readonly store: MemoryStore
  readonly route: Route
  readonly query: URLSearchParams
  readonly response: ServerResponse
  /** JSON of an object as this client wants it. */
  readonly render?: (object: Readonly<KubeObject>) => string
  readonly signal: AbortSignal
  /** The client was cut off because it did not read. */
  readonly onUnread: () => void
}

/**
 * One JSON event per line, for as long as client and server want
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
 */
export function streamWatch(request: WatchRequest): void {
  const { store, route, query, response, signal } = request
  const render = request.render ?? JSON.stringify
  const selection = selectionOf(route, query)
  const given = query.get('resourceVersion') ? numberOf(query, 'resourceVersion') : undefined
  const sendInitial = isOn(query, 'sendInitialEvents')
  const bookmarks = isOn(query, 'allowWatchBookmarks')
  const timeoutSeconds = numberOf(query, 'timeoutSeconds')

  // What a watch begins with comes in one piece, however much it is.
  let initialBytes = 0
  const write = (line: Buffer): void => {
    if (response.destroyed) return
    if (response.writableLength <= BACKLOG_MAX_BYTES + initialBytes) {
      response.write(line)
      return
    }
    response.destroy()
    request.onUnread()
  }
  const onEvent = ({ type, object }: StoreEvent): void => {
    // What happens in one turn leaves in one piece.
    if (response.writableCorked === 0) {
      response.cork()
      process.nextTick(() => response.uncork())
    }
    write(request.render ? lineOf(type, render(object)) : sharedLine(type, object))
  }
  const bookmark = (annotations?: Record<string, string>): void => {
    const { apiVersion, kind } = route.kind
    const metadata = {
      resourceVersion: store.resourceVersion,
      creationTimestamp: null,
      ...(annotations && { annotations }),
    }
    write(lineOf('BOOKMARK', JSON.stringify({ kind, apiVersion, metadata })))
  }

  const fromNow = !given || sendInitial
  const start = fromNow ? Number(store.resourceVersion) : given
  // Before the head, so that a selector nobody can read is answered with 400.
  const initial = fromNow ? store.snapshot(route.kind, selection) : []
  response.writeHead(200, {
    'content-type': 'application/json',
    'cache-control': 'no-cache, private',
  })
  response.flushHeaders()
  for (const object of initial) {
    const line = lineOf('ADDED', render(object))
    initialBytes += line.length
    write(line)
  }
  if (sendInitial) bookmark({ 'k8s.io/initial-events-end': 'true' })

  let watch: { stop(): void }
  try {
    watch = store.follow(route.kind, selection, start, onEvent)
  } catch (error) {
    write(lineOf('ERROR', JSON.stringify(statusOf(error))))
    response.end()
    return
  }
  const end = (): void => {
    if (bookmarks && response.writable) bookmark()
    response.end()
  }
  const timers = [
    ...(timeoutSeconds ? [setTimeout(end, timeoutSeconds * 1000)] : []),
    ...(bookmarks ? [setInterval(bookmark, BOOKMARK_INTERVAL_MS)] : []),
  ]
  for (const timer of timers) timer.unref()
  signal.addEventListener('abort', end)
  response.once('close', () => {
    watch.stop()
    signal.removeEventListener('abort', end)
    for (const timer of timers) clearTimeout(timer)
  })
}

function lineOf(type: string, json: string): Buffer {
  return Buffer.from(`{"type":"${type}","object":${json}}\n`)
}

let latest: { readonly type: string; readonly object: object; readonly line: Buffer } | undefined

/**
 * All watchers of a kind hear of a change one after the other: its bytes are made for the first. They
 * are not kept with the object, which the history of changes holds for long.
 */
function sharedLine(type: string, object: Readonly<KubeObject>): Buffer {
  if (latest?.object !== object || latest.type !== type) {
    latest = { type, object, line: lineOf(type, JSON.stringify(object)) }
  }
  return latest.line
}
