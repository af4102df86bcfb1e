import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject, type JsonObject } from './json.ts'
import { groupOf } from './kind-table.ts'
import type { MemoryStore } from './memory-store.ts'
import { invalidOptions } from './object-errors.ts'
import { isDryRun, numberOf, selectionOf } from './query.ts'
import { type Body, parseObject } from './request-body.ts'
import { refOf, stored } from './resource-writes.ts'
import type { Route } from './route.ts'
import { unsupported } from './rules/causes.ts'
import type { DeleteOptions } from './store.ts'

interface DeleteRequest {
  readonly route: Route
  readonly query: URLSearchParams
  readonly body: Body
}

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const

/** The object while something still holds it, otherwise a Status that says it is gone. */
export async function deleteObject(store: MemoryStore, request: DeleteRequest): Promise<unknown> {
  const { route } = request
  const options = await deleteOptions(request)
  const before = stored(store, route)
  const deleted = store.delete(refOf(route), options)
  // Whatever held it when it was asked to go, if only for a moment.
  const isHeld = deleted?.metadata.deletionTimestamp !== undefined
  if (isHeld || route.kind.returnsDeleted) return deleted
  const group = groupOf(route.kind.apiVersion)
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: route.name,
      ...(group && { group }),
      kind: route.kind.plural,
      uid: before.metadata.uid,
    },
  }
}

export async function deleteCollection(
  store: MemoryStore,
  request: DeleteRequest,
): Promise<readonly KubeObject[]> {
  const { route, query } = request
  const options = await deleteOptions(request)
  return store.snapshot(route.kind, selectionOf(route, query)).map((object) => {
    store.delete(refOf({ ...route, ...object.metadata }), options)
    return object
  })
}

/** From the body or, as `kubectl` of old did, from the query. */
async function deleteOptions({ query, body }: DeleteRequest) {
  const given: JsonObject = body.text.trim() === '' ? {} : await parseObject(body)
  const policy = given.propagationPolicy ?? query.get('propagationPolicy') ?? undefined
  if (policy !== undefined && !POLICIES.some((known) => known === policy)) {
    const causes = [unsupported('propagationPolicy', policy, [...POLICIES, 'nil'])]
    throw invalidOptions('DeleteOptions', causes)
  }
  const grace = given.gracePeriodSeconds ?? numberOf(query, 'gracePeriodSeconds')
  if (grace !== undefined && !(Number.isInteger(grace) && Number(grace) >= 0)) {
    throw statusError('Invalid', `gracePeriodSeconds: Invalid value: ${JSON.stringify(grace)}`)
  }
  const inBody = Array.isArray(given.dryRun) && given.dryRun.includes('All')
  return {
    ...(policy !== undefined && {
      propagationPolicy: policy as NonNullable<DeleteOptions['propagationPolicy']>,
    }),
    ...(typeof grace === 'number' && { gracePeriodSeconds: grace }),
    ...(isObject(given.preconditions) && { preconditions: given.preconditions }),
    dryRun: isDryRun(query) || inBody,
  }
}
