import type { IncomingMessage, ServerResponse } from 'node:http'
import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { bytesOf, sendBytes, sendJson } from './answers.ts'
import { evictPod } from './eviction.ts'
import { fieldValidation } from './field-validation.ts'
import { listPage } from './list-objects.ts'
import type { MemoryStore } from './memory-store.ts'
import type { PodBackend } from './pod-backend.ts'
import { streamLog } from './pod-log.ts'
import { defaultPort, parseProxyName, proxyToPod } from './pod-proxy.ts'
import { isDryRun, isOn } from './query.ts'
import { parseObject, readBody } from './request-body.ts'
import { checkListOptions, checkWriteOptions } from './request-options.ts'
import { deleteCollection, deleteObject } from './resource-deletes.ts'
import {
  createObject,
  patchStored,
  replaceObject,
  stored,
  type WriteRequest,
  type Written,
} from './resource-writes.ts'
import { notAllowed, nothingThere, type Route } from './route.ts'
import { scaleOf } from './scale.ts'
import type { Schemas } from './schema/schemas.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'
import { metadataOnly, tableOf, wantedForm } from './table.ts'
import { streamWatch } from './watch-stream.ts'

const WRITE_OPTIONS: Readonly<Record<string, 'CreateOptions' | 'PatchOptions'>> = {
  POST: 'CreateOptions',
  PATCH: 'PatchOptions',
}
const COMMA = Buffer.from(',')
const END_OF_LIST = Buffer.from(']}')

export interface ResourceRequest {
  readonly store: MemoryStore
  readonly schemas: Schemas
  readonly tokens: ServiceAccountTokens
  readonly pods: PodBackend | undefined
  readonly route: Route
  readonly query: URLSearchParams
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly signal: AbortSignal
  onUnread(what: string): void
}

export async function handleResource(request: ResourceRequest): Promise<void> {
  const { route, message } = request
  checkSubresource(route)
  if (route.subresource === 'proxy') return proxy(request)
  if (route.subresource === 'log') return log(request)
  if (route.subresource === 'eviction') return evict(request)
  if (route.subresource === 'token') return issueToken(request)
  switch (message.method) {
    case 'GET':
      return route.name === undefined ? list(request) : get(request)
    case 'POST':
      return write(request, createObject)
    case 'PUT':
      return write(request, replaceObject)
    case 'PATCH':
      return write(request, patchStored)
    case 'DELETE':
      return remove(request)
    default:
      throw notAllowed()
  }
}

function checkSubresource({ kind, name, subresource, rest }: Route): void {
  if (subresource === undefined) return
  const known =
    (subresource === 'status' && kind.statusSubresource) ||
    (subresource === 'scale' && kind.scale) ||
    (['log', 'proxy', 'eviction'].includes(subresource) && kind.kind === 'Pod') ||
    (subresource === 'token' && kind.kind === 'ServiceAccount')
  if (!known || name === undefined || (rest !== '' && subresource !== 'proxy')) throw nothingThere()
}

function get({ store, route, query, message, response }: ResourceRequest): void {
  const object = stored(store, route)
  const form = route.subresource === undefined ? wantedForm(message.headers.accept) : 'object'
  if (form === 'table') {
    const { resourceVersion } = object.metadata
    const includeObject = query.get('includeObject')
    const table = tableOf(route.kind, [object], { metadata: { resourceVersion }, includeObject })
    sendJson(response, 200, table)
  } else if (form === 'metadata') sendJson(response, 200, metadataOnly(object))
  else if (route.subresource === 'scale') sendJson(response, 200, scaleOf(object))
  else sendBytes(response, 200, bytesOf(object))
}

function list({ store, route, query, message, response, signal, onUnread }: ResourceRequest): void {
  checkListOptions(query)
  const form = wantedForm(message.headers.accept)
  const includeObject = query.get('includeObject')
  if (isOn(query, 'watch')) {
    const render =
      form === 'table'
        ? (object: Readonly<KubeObject>) =>
            JSON.stringify(tableOf(route.kind, [object], { includeObject }))
        : (object: Readonly<KubeObject>) => JSON.stringify(metadataOnly(object))
    const { kind, namespace } = route
    const client = message.headers['user-agent'] ?? 'unnamed'
    const where = namespace === undefined ? kind.plural : `${kind.plural} in ${namespace}`
    const unread = () => onUnread(`the client ${client} did not read its watch of ${where}`)
    streamWatch({
      store,
      route,
      query,
      response,
      signal,
      onUnread: unread,
      ...(form !== 'object' && { render }),
    })
    return
  }
  const { items, metadata } = listPage(store, route, query)
  if (form === 'table') {
    sendJson(response, 200, tableOf(route.kind, items, { metadata, includeObject }))
  } else if (form === 'metadata') {
    const kind = 'PartialObjectMetadataList'
    const partial = items.map(metadataOnly)
    sendJson(response, 200, { kind, apiVersion: 'meta.k8s.io/v1', metadata, items: partial })
  } else sendList(response, route, metadata, items)
}

async function write(
  { store, schemas, route, query, message, response }: ResourceRequest,
  act: (store: MemoryStore, request: WriteRequest) => Promise<Written>,
): Promise<void> {
  const onCollection = route.name === undefined
  const homeless = route.kind.namespaced && route.namespace === undefined
  if (onCollection !== (act === createObject) || homeless) throw notAllowed()
  checkWriteOptions(WRITE_OPTIONS[message.method ?? ''] ?? 'UpdateOptions', query)
  const warnings: string[] = []
  const fields = fieldValidation(query, schemas, (text) => warnings.push(text))
  const body = await readBody(message)
  const userAgent = message.headers['user-agent']
  const { status, object } = await act(store, { route, query, body, fields, userAgent })
  if (warnings.length > 0) {
    // https://www.rfc-editor.org/rfc/rfc7234#section-5.5, which kubectl shows
    response.setHeader(
      'warning',
      warnings.map((text) => `299 - ${JSON.stringify(text)}`),
    )
  }
  sendJson(response, status, object)
}

async function evict({ store, route, query, message, response }: ResourceRequest): Promise<void> {
  if (message.method !== 'POST') throw notAllowed()
  checkWriteOptions('CreateOptions', query)
  const eviction = await parseObject(await readBody(message))
  sendJson(response, 201, evictPod(store, stored(store, route), eviction, isDryRun(query)))
}

async function issueToken(request: ResourceRequest): Promise<void> {
  const { store, tokens, route, message, response } = request
  if (message.method !== 'POST') throw notAllowed()
  const asked = await parseObject(await readBody(message))
  sendJson(response, 201, tokens.issue(stored(store, route), asked))
}

async function remove(request: ResourceRequest): Promise<void> {
  const { store, route, query, message, response } = request
  if (route.subresource !== undefined) throw notAllowed()
  const body = await readBody(message)
  if (route.name !== undefined) {
    sendJson(response, 200, await deleteObject(store, { route, query, body }))
    return
  }
  const deleted = await deleteCollection(store, { route, query, body })
  sendList(response, route, { resourceVersion: store.resourceVersion }, deleted)
}

function sendList(
  response: ServerResponse,
  { kind }: Route,
  metadata: object,
  items: readonly KubeObject[],
): void {
  const head = JSON.stringify({ kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata })
  const pieces: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"items":[`)]
  for (const [index, item] of items.entries()) {
    if (index > 0) pieces.push(COMMA)
    pieces.push(bytesOf(item))
  }
  pieces.push(END_OF_LIST)
  sendBytes(response, 200, Buffer.concat(pieces))
}

async function log(request: ResourceRequest): Promise<void> {
  if (request.message.method !== 'GET') throw notAllowed()
  const pod = stored(request.store, request.route)
  await streamLog({ ...request, pod, backend: backendOf(request) })
}

async function proxy(request: ResourceRequest): Promise<void> {
  const { store, route, query, message, response } = request
  const { name, port } = parseProxyName(route.name ?? '')
  const pod = stored(store, { ...route, name })
  const search = query.size > 0 ? (message.url ?? '').slice((message.url ?? '').indexOf('?')) : ''
  await proxyToPod({
    pod,
    port: port ?? defaultPort(pod),
    target: `${route.rest || '/'}${search}`,
    message,
    response,
    backend: backendOf(request),
  })
}

function backendOf({ pods }: ResourceRequest): PodBackend {
  if (pods !== undefined) return pods
  throw statusError('ServiceUnavailable', 'no node agent runs the pods of this cluster')
}
