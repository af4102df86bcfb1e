import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { applyObject } from './apply.ts'
import type { FieldValidation } from './field-validation.ts'
import { isObject, type JsonObject } from './json.ts'
import { claimChanges, type Manager, managerName } from './managed-fields.ts'
import type { MemoryStore } from './memory-store.ts'
import { invalidObject, notFound } from './object-errors.ts'
import { acceptedPatchTypes, patchFormatOf } from './patch/media-types.ts'
import { patchObject } from './patch-object.ts'
import { isDryRun, isOn } from './query.ts'
import { type Body, parseBody, parseObject } from './request-body.ts'
import { checkPatchOptions } from './request-options.ts'
import { notAllowed, type Route } from './route.ts'
import { scaleOf, withScale } from './scale.ts'

/** What etcd takes in one request (--max-request-bytes). */
const OBJECT_MAX_LENGTH = 1.5 * 1024 * 1024

export interface Written {
  readonly status: 200 | 201
  readonly object: Readonly<KubeObject>
}

export interface WriteRequest {
  readonly route: Route
  readonly query: URLSearchParams
  readonly body: Body
  readonly fields: FieldValidation
  readonly userAgent: string | undefined
}

export async function createObject(store: MemoryStore, request: WriteRequest): Promise<Written> {
  const { route, query, body, fields } = request
  const given = addressed(await parseObject(body), route)
  const object = fields.sent(given, route.kind) as KubeObject
  route.kind.translate?.(object)
  const claimed = limited(claimChanges(object, undefined, managerOf(request)))
  return { status: 201, object: store.create(claimed, { dryRun: isDryRun(query) }) }
}

export async function replaceObject(store: MemoryStore, request: WriteRequest): Promise<Written> {
  const { route, body, fields } = request
  const given = await parseObject(body)
  if (route.subresource === 'scale') return scaled(store, request, given as KubeObject)
  const object = fields.sent(addressed(given, route), route.kind) as KubeObject
  return { status: 200, object: save(store, request, object) }
}

export async function patchStored(store: MemoryStore, request: WriteRequest): Promise<Written> {
  const { route, query, body, fields } = request
  const format = patchFormatOf(body.contentType)
  if (format === undefined || (format === 'strategic' && route.kind.custom)) {
    const accepted = acceptedPatchTypes(route.kind.custom ?? false).join(', ')
    const message = `the body of the request was in an unknown format - accepted media types include: ${accepted}`
    throw statusError('UnsupportedMediaType', message)
  }
  checkPatchOptions(format === 'apply', query)
  const document = await parseBody(body)
  if (format === 'apply') return applyDocument(store, request, document)
  const current = stored(store, route)
  if (route.subresource === 'scale') {
    return scaled(store, request, patchObject(scaleOf(current), format, document))
  }
  const patched = addressed(patchObject(current, format, document), route)
  const object = fields.patched(patched, route.kind) as KubeObject
  return { status: 200, object: save(store, request, object) }
}

function applyDocument(store: MemoryStore, request: WriteRequest, document: unknown): Written {
  const { route, query, fields } = request
  if (!isObject(document)) throw statusError('BadRequest', 'the patch must be an object')
  const { kind, subresource } = route
  const applied = fields.sent(addressed(document, route), kind) as KubeObject
  const current = store.peek(refOf(route))
  const fieldManager = query.get('fieldManager') ?? ''
  const options = { kind, fieldManager, force: isOn(query, 'force'), now: new Date() }
  const object = limited(applyObject(current, applied, options))
  const mode = { dryRun: isDryRun(query) }
  if (current === undefined) {
    if (subresource !== undefined) throw notFound(kind, route.name ?? '')
    return { status: 201, object: store.create(object, mode) }
  }
  if (subresource === undefined) return { status: 200, object: store.update(object, mode) }
  if (subresource === 'status') return { status: 200, object: store.updateStatus(object, mode) }
  throw notAllowed()
}

function scaled(store: MemoryStore, request: WriteRequest, scale: KubeObject): Written {
  const { route, query } = request
  const current = stored(store, route)
  const object = claimChanges(withScale(current, scale), current, managerOf(request))
  return { status: 200, object: scaleOf(store.update(object, { dryRun: isDryRun(query) })) }
}

export function stored(store: MemoryStore, route: Route): Readonly<KubeObject> {
  const object = store.peek(refOf(route))
  if (object === undefined) throw notFound(route.kind, route.name ?? '')
  return object
}

export function refOf({ kind, namespace, name = '' }: Route) {
  return { apiVersion: kind.apiVersion, kind: kind.kind, name, ...(namespace && { namespace }) }
}

function save(store: MemoryStore, request: WriteRequest, object: KubeObject): KubeObject {
  const { route, query } = request
  const mode = { dryRun: isDryRun(query) }
  const previous = stored(store, route)
  route.kind.translate?.(object)
  const claimed = limited(claimChanges(object, previous, managerOf(request)))
  const problems = route.kind.clientProblems?.(object, previous) ?? []
  if (route.subresource === undefined && problems.length > 0) {
    throw invalidObject(route.kind, object.metadata.name, problems)
  }
  if (route.subresource === undefined) return store.update(claimed, mode)
  if (route.subresource === 'status') return store.updateStatus(claimed, mode)
  throw notAllowed()
}

/** Patches could make an object larger and larger without any of them being large. */
function limited(object: KubeObject): KubeObject {
  if (JSON.stringify(object).length <= OBJECT_MAX_LENGTH) return object
  const message = `the object is too large: limit is ${OBJECT_MAX_LENGTH}`
  throw statusError('RequestEntityTooLarge', message)
}

function managerOf({ route, query, userAgent }: WriteRequest): Manager {
  return {
    name: managerName(query.get('fieldManager'), userAgent),
    ...(route.subresource !== undefined && { subresource: route.subresource }),
    keepsStatus: route.kind.statusSubresource ?? false,
    now: new Date(),
  }
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
