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
  const group = groupOf(kind.apiVersion)
  const title = group === '' ? kind.kind : `${kind.kind}.${group}`
  const problems = causes.map(({ field, message }) => `${field}: ${message}`)
  const text = problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`
  const details = { name, kind: kind.kind, ...(group && { group }), causes }
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

function resource(kind: KindDefinition, name: string) {
  const group = groupOf(kind.apiVersion)
  return { name, ...(group && { group }), kind: kind.plural }
}
