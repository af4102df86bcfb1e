import { randomInt, randomUUID } from 'node:crypto'
import { type StatusCause, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject, sameJson } from './json.ts'
import type { KindDefinition } from './kind-table.ts'
import { metadataProblems } from './names.ts'
import { conflict, invalidObject } from './object-errors.ts'

/** Without vowels and lookalikes, so that no word comes out (k8s.io/apimachinery rand.go). */
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const NAME_MAX_LENGTH = 63
const SUFFIX_LENGTH = 5

export function generatedName(prefix: string): string {
  const suffix = Array.from(
    { length: SUFFIX_LENGTH },
    () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)],
  )
  return prefix.slice(0, NAME_MAX_LENGTH - SUFFIX_LENGTH) + suffix.join('')
}

/** Checks what must hold before anything in the object is looked at; drops what is null. */
export function checkShape(object: KubeObject, kind: KindDefinition): void {
  const { metadata } = object
  if (!isObject(metadata)) throw statusError('BadRequest', 'metadata is missing')
  for (const key of Object.keys(metadata)) if (metadata[key] === null) delete metadata[key]
  for (const part of ['spec', 'status']) {
    if (object[part] === null) delete object[part]
    if (object[part] !== undefined && !isObject(object[part])) {
      throw statusError('BadRequest', `${part} of ${kind.kind} must be an object`)
    }
  }
  for (const list of ['finalizers', 'ownerReferences'] as const) {
    if (metadata[list] !== undefined && !Array.isArray(metadata[list])) {
      throw statusError('BadRequest', `metadata.${list} must be a list`)
    }
  }
  const name = metadata.name ?? ''
  if (typeof name !== 'string' || (name === '' && !metadata.generateName)) {
    const message = 'Required value: name or generateName is required'
    const cause = { reason: 'FieldValueRequired', message, field: 'metadata.name' }
    throw invalidObject(kind, '', [cause])
  }
  if (kind.namespaced && !metadata.namespace) {
    throw statusError('BadRequest', `${kind.plural} "${name}": the namespace is missing`)
  }
  if (!kind.namespaced && metadata.namespace) {
    throw statusError('BadRequest', `${kind.plural} are not namespaced`)
  }
}

/** Fills in a new object in place. The name is known by now. */
export function prepareCreate(object: KubeObject, kind: KindDefinition, now: string): void {
  const { metadata } = object
  if (metadata.resourceVersion) {
    throw statusError('BadRequest', 'resourceVersion should not be set on objects to be created')
  }
  if (kind.statusSubresource && !kind.statusOnCreate) delete object.status
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  metadata.uid = randomUUID()
  metadata.creationTimestamp = now
  delete metadata.generation
  if (kind.counted ?? object.spec !== undefined) metadata.generation = 1
  kind.defaults?.(object, undefined)
  check(object, kind, [])
}

/** Fills in a changed object in place from what is stored. */
export function prepareUpdate(
  object: KubeObject,
  previous: KubeObject,
  kind: KindDefinition,
): void {
  const { metadata } = object
  const before = previous.metadata
  if (metadata.resourceVersion && metadata.resourceVersion !== before.resourceVersion) {
    throw conflict(kind, before.name)
  }
  if (metadata.uid && metadata.uid !== before.uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${before.uid}`
    throw conflict(kind, before.name, why)
  }
  // The server owns these; what a client sends for them is ignored.
  keep(metadata, before, 'uid')
  keep(metadata, before, 'creationTimestamp')
  keep(metadata, before, 'deletionTimestamp')
  keep(metadata, before, 'deletionGracePeriodSeconds')
  keep(metadata, before, 'generateName')
  keep(metadata, before, 'generation')
  keep(metadata, before, 'resourceVersion')
  // Left out they stay; an empty list is how a client has them forgotten.
  if (metadata.managedFields === undefined) keep(metadata, before, 'managedFields')
  if (kind.statusSubresource) keep(object, previous, 'status')
  kind.defaults?.(object, previous)
  check(object, kind, [
    ...(kind.updateProblems?.(object, previous) ?? []),
    ...lateFinalizers(object, previous),
  ])
  if (metadata.generation !== undefined && !sameJson(desired(object), desired(previous))) {
    metadata.generation += 1
  }
}

/** Only `status` of the new object counts; the rest stays as stored. */
export function withStatus(
  object: KubeObject,
  previous: KubeObject,
  kind: KindDefinition,
): KubeObject {
  const { resourceVersion } = object.metadata
  if (resourceVersion && resourceVersion !== previous.metadata.resourceVersion) {
    throw conflict(kind, previous.metadata.name)
  }
  const { status: _, ...rest } = previous
  return object.status === undefined ? rest : { ...rest, status: object.status }
}

function check(object: KubeObject, kind: KindDefinition, more: readonly StatusCause[]): void {
  const causes = [
    ...metadataProblems(object, kind.nameRule ?? 'subdomain'),
    ...(kind.problems?.(object) ?? []),
    ...more,
  ]
  if (causes.length > 0) throw invalidObject(kind, object.metadata.name, causes)
}

/** Once an object is being deleted, finalizers may only be taken away. */
function lateFinalizers({ metadata }: KubeObject, previous: KubeObject): StatusCause[] {
  if (previous.metadata.deletionTimestamp === undefined) return []
  const known = previous.metadata.finalizers ?? []
  const added = (metadata.finalizers ?? []).filter((finalizer) => !known.includes(finalizer))
  if (added.length === 0) return []
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`
  return [{ reason: 'FieldValueForbidden', message, field: 'metadata.finalizers' }]
}

/** What `generation` counts the changes of. */
function desired({ metadata: _, status: __, ...rest }: KubeObject): unknown {
  return rest
}

function keep<T extends object, K extends keyof T>(target: T, source: T, key: K): void {
  if (source[key] === undefined) delete target[key]
  else target[key] = source[key]
}
