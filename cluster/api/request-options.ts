import type { StatusCause } from '../errors.ts'
import { invalidOptions } from './object-errors.ts'
import { isOn } from './query.ts'
import { invalid, required, unsupported } from './rules/causes.ts'

// What a query may ask for, k8s.io/apimachinery/pkg/apis/meta/v1/validation and internalversion/validation.

const MANAGER_MAX_LENGTH = 128
const STRICTNESS = ['', 'Ignore', 'Strict', 'Warn']

type WriteOptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions'

/** Throws Invalid with a cause for each option that a write cannot have. */
export function checkWriteOptions(kind: WriteOptionsKind, query: URLSearchParams): void {
  refuseAny(kind, [
    ...managerProblems(query.get('fieldManager') ?? ''),
    ...dryRunProblems(query.getAll('dryRun')),
    ...strictnessProblems(query.get('fieldValidation') ?? ''),
  ])
}

export function checkPatchOptions(applies: boolean, query: URLSearchParams): void {
  const causes: StatusCause[] = []
  if (applies && !query.get('fieldManager')) {
    causes.push(required('fieldManager', 'is required for apply patch'))
  }
  if (!applies && query.has('force')) {
    causes.push(forbidden('force', 'may not be specified for non-apply patch'))
  }
  refuseAny('PatchOptions', causes)
}

export function checkListOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const causes = isOn(query, 'watch') ? watchProblems(match, query) : listProblems(match, query)
  refuseAny('ListOptions', causes)
}

function listProblems(match: string, query: URLSearchParams): StatusCause[] {
  const causes: StatusCause[] = []
  const field = 'resourceVersionMatch'
  if (match !== '') {
    if (!query.get('resourceVersion')) {
      causes.push(forbidden(field, `${field} is forbidden unless resourceVersion is provided`))
    }
    causes.push(...continueProblems(query))
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      causes.push(unsupported(field, match, ['Exact', 'NotOlderThan', '']))
    }
    if (match === 'Exact' && query.get('resourceVersion') === '0') {
      causes.push(forbidden(field, `${field} "exact" is forbidden for resourceVersion "0"`))
    }
  }
  if (query.has('sendInitialEvents')) {
    causes.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  }
  return causes
}

function watchProblems(match: string, query: URLSearchParams): StatusCause[] {
  const causes: StatusCause[] = []
  const field = 'resourceVersionMatch'
  const initial = query.has('sendInitialEvents')
  if (initial && match !== 'NotOlderThan') {
    const why = `sendInitialEvents requires setting ${field} to NotOlderThan`
    causes.push(forbidden(field, why))
  }
  if (match === '') return causes
  if (!initial) {
    const why = `${field} is forbidden for watch unless sendInitialEvents is provided`
    causes.push(forbidden(field, why))
  }
  if (match !== 'NotOlderThan') causes.push(unsupported(field, match, ['NotOlderThan']))
  return [...causes, ...continueProblems(query)]
}

function continueProblems(query: URLSearchParams): StatusCause[] {
  if (!query.get('continue')) return []
  const field = 'resourceVersionMatch'
  return [forbidden(field, `${field} is forbidden when continue is provided`)]
}

function managerProblems(manager: string): StatusCause[] {
  const causes: StatusCause[] = []
  if (Buffer.byteLength(manager) > MANAGER_MAX_LENGTH) {
    const message = `Too long: may not be more than ${MANAGER_MAX_LENGTH} bytes`
    causes.push({ reason: 'FieldValueTooLong', message, field: 'fieldManager' })
  }
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(manager)) {
    causes.push(invalid('fieldManager', manager, 'invalid character'))
  }
  return causes
}

function dryRunProblems(values: readonly string[]): StatusCause[] {
  return values
    .filter((value) => value !== '' && value !== 'All')
    .map((value) => unsupported('dryRun', value, ['All']))
}

function strictnessProblems(value: string): StatusCause[] {
  return STRICTNESS.includes(value) ? [] : [unsupported('fieldValidation', value, STRICTNESS)]
}

function forbidden(field: string, why: string): StatusCause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field }
}

function refuseAny(kind: string, causes: readonly StatusCause[]): void {
  if (causes.length > 0) throw invalidOptions(kind, causes)
}
