import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { applyObject } from './apply.ts'
import { isObject, type JsonObject } from './json.ts'
import type { MemoryStore } from './memory-store.ts'
import { notFound } from './object-errors.ts'
import { acceptedPatchTypes, patchFormatOf } from './patch/media-types.ts'
import { patchObject } from './patch-object.ts'
import { isDryRun, isOn } from './query.ts'
import { type Body, parseBody, parseObject } from './request-body.ts'
import { notAllowed, type Route } from './route.ts'
import { scaleOf, withScale } from './scale.ts'

export interface Written {
  readonly status: 200 | 201
  readonly object: Readonly<KubeObject>
}

interface WriteRequest {
  readonly route: Route
  readonly query: URLSearchParams
  readonly body: Body
}

export async function createObject(store: MemoryStore, request: WriteRequest): Promise<Written> {
  const { route, query, body } = request
  const object = addressed(await parseObject(body), route)
  return { status: 201, object: store.create(object, { dryRun: isDryRun(query) }) }
}

export async function replaceObject(store: MemoryStore, request: WriteRequest): Promise<Written> {
  const { route, query, body } = request
  const given = await parseObject(body)
  if (route.subresource === 'scale') {
    const object = withScale(stored(store, route), given as KubeObject)
    return { status: 200, object: scaleOf(store.update(object, { dryRun: isDryRun(query) })) }
  }
  return { status: 200, object: save(store, route, query, addressed(given, route)) }
}

export async function patchStored(store: MemoryStore, request: WriteRequest): Promise<Written> {
  const { route, query, body } = request
  const format = patchFormatOf(body.contentType)
  if (format === undefined || (format === 'strategic' && route.kind.custom)) {
    const accepted = acceptedPatchTypes(route.kind.custom ?? false).join(', ')
    const message = `the body of the request was in an unknown format - accepted media types include: ${accepted}`
    throw statusError('UnsupportedMediaType', message)
  }
  const document = await parseBody(body)
  if (format === 'apply') {
    if (!isObject(document)) throw statusError('BadRequest', 'the patch must be an object')
    const current = store.peek(refOf(route))
    const fieldManager = query.get('fieldManager') ?? ''
    const { kind } = route
    const options = { kind, fieldManager, force: isOn(query, 'force'), now: new Date() }
    const object = applyObject(current, addressed(document, route), options)
    if (current !== undefined) return { status: 200, object: save(store, route, query, object) }
    if (route.subresource !== undefined) throw notFound(route.kind, route.name ?? '')
    return { status: 201, object: store.create(object, { dryRun: isDryRun(query) }) }
  }
  const current = stored(store, route)
  if (route.subresource === 'scale') {
    const scaled = withScale(current, patchObject(scaleOf(current), format, document))
    return { status: 200, object: scaleOf(store.update(scaled, { dryRun: isDryRun(query) })) }
  }
  const patched = addressed(patchObject(current, format, document), route)
  return { status: 200, object: save(store, route, query, patched) }
}

export function stored(store: MemoryStore, route: Route): Readonly<KubeObject> {
  const object = store.peek(refOf(route))
  if (object === undefined) throw notFound(route.kind, route.name ?? '')
  return object
}

export function refOf({ kind, namespace, name = '' }: Route) {
  return { apiVersion: kind.apiVersion, kind: kind.kind, name, ...(namespace && { namespace }) }
}

function save(
  store: MemoryStore,
  route: Route,
  query: URLSearchParams,
  object: KubeObject,
): KubeObject {
  const mode = { dryRun: isDryRun(query) }
  if (route.subresource === undefined) return store.update(object, mode)
  if (route.subresource === 'status') return store.updateStatus(object, mode)
  throw notAllowed()
}

/** What the body leaves out comes from the URL; where both speak they have to agree. */
function addressed(body: JsonObject, { kind, namespace, name }: Route): KubeObject {
  const metadata = body.metadata ?? {}
  if (!isObject(metadata)) throw statusError('BadRequest', 'metadata must be an object')
  if (typeof (metadata.name ?? '') !== 'string') {
    throw statusError('BadRequest', 'metadata.name must be a string')
  }
  agree('apiVersion', body.apiVersion, kind.apiVersion)
  agree('kind', body.kind, kind.kind)
  agree('namespace', metadata.namespace, kind.namespaced ? namespace : '')
  agree('name', metadata.name, name)
  return {
    ...body,
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: {
      ...metadata,
      name: String(metadata.name ?? name ?? ''),
      ...(namespace && kind.namespaced && { namespace }),
    },
  }
}

function agree(what: string, inBody: unknown, inUrl: string | undefined): void {
  if (inBody === undefined || inBody === '' || inUrl === undefined || inBody === inUrl) return
  const message = `the ${what} of the provided object (${inBody}) does not match the ${what} sent on the request (${inUrl})`
  throw statusError('BadRequest', message)
}
