import { type ClusterError, type StatusCause, statusError } from '../errors.ts'
import { groupOf, type KindDefinition, qualifiedPlural } from './kind-table.ts'

// Worded as Kubernetes words them: people search for these sentences.

export function notFound(kind: KindDefinition, name: string): ClusterError {
  const message = `${qualifiedPlural(kind)} "${name}" not found`
  return statusError('NotFound', message, resource(kind, name))
}

export function alreadyExists(kind: KindDefinition, name: string): ClusterError {
  const message = `${qualifiedPlural(kind)} "${name}" already exists`
  return statusError('AlreadyExists', message, resource(kind, name))
}

export function conflict(
  kind: KindDefinition,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ClusterError {
  const message = `Operation cannot be fulfilled on ${qualifiedPlural(kind)} "${name}": ${why}`
  return statusError('Conflict', message, resource(kind, name))
}

export function invalidObject(
  kind: KindDefinition,
  name: string,
  causes: readonly StatusCause[],
): ClusterError {
  return invalid(groupOf(kind.apiVersion), kind.kind, name, causes)
}

/** Of a request rather than of an object: `ListOptions`. */
export function invalidOptions(kind: string, causes: readonly StatusCause[]): ClusterError {
  return invalid('meta.k8s.io', kind, '', causes)
}

function invalid(
  group: string,
  kind: string,
  name: string,
  causes: readonly StatusCause[],
): ClusterError {
  const title = group === '' ? kind : `${kind}.${group}`
  const problems = causes.map(({ field, message }) => `${field}: ${message}`)
  const text = problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`
  const details = { ...(name && { name }), kind, ...(group && { group }), causes }
  return statusError('Invalid', `${title} "${name}" is invalid: ${text}`, details)
}

export function forbidden(
  kind: KindDefinition,
  name: string,
  why: string,
  causes?: readonly StatusCause[],
): ClusterError {
  const message = `${qualifiedPlural(kind)} "${name}" is forbidden: ${why}`
  return statusError('Forbidden', message, { ...resource(kind, name), ...(causes && { causes }) })
}

/** A version that this server has not reached. */
export function tooLargeVersion(wanted: number, current: number): ClusterError {
  const message = 'Too large resource version'
  return statusError('Timeout', `${message}: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message, field: '' }],
    retryAfterSeconds: 1,
  })
}

function resource(kind: KindDefinition, name: string) {
  const group = groupOf(kind.apiVersion)
  return { name, ...(group && { group }), kind: kind.plural }
}
