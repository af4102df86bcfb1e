/** The `reason` of a Kubernetes Status, with the HTTP code each of them travels under. */
const HTTP_STATUS = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const

export type StatusReason = keyof typeof HTTP_STATUS

export interface StatusCause {
  /** `FieldValueInvalid`, `FieldValueRequired`, ... */
  readonly reason: string
  readonly message: string
  readonly field: string
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

interface ClusterErrorFields {
  /** HTTP code; taken from `reason` when left out. Absent when no API server answered. */
  readonly status?: number
  readonly reason?: string
  readonly details?: StatusDetails
  readonly code?: string
  readonly hint?: string
  readonly exitCode?: number
  readonly cause?: unknown
}

/**
 * Anything that goes wrong with a cluster. The store throws it, the API server turns it into a Status,
 * and the client turns a Status back into it, so that all three sides can ask the same questions.
 */
export class ClusterError extends Error {
  readonly code: string
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly details: StatusDetails | undefined
  readonly hint: string
  readonly exitCode: number

  constructor(message: string, fields: ClusterErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.name = 'ClusterError'
    this.reason = fields.reason
    this.status = fields.status ?? httpStatus(fields.reason)
    this.details = fields.details
    this.code = fields.code ?? codeOf(fields.reason)
    this.hint = fields.hint ?? hintFor(fields.reason)
    this.exitCode = fields.exitCode ?? 5
  }
}

export function statusError(
  reason: StatusReason,
  message: string,
  details?: StatusDetails,
): ClusterError {
  return new ClusterError(message, { reason, ...(details && { details }) })
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ClusterError && error.status === 404
}

/** A stale resourceVersion: read again and retry. */
export function isConflict(error: unknown): boolean {
  return error instanceof ClusterError && error.reason === 'Conflict'
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ClusterError && error.reason === 'AlreadyExists'
}

/** The resourceVersion or continue token is older than what the server remembers: list again. */
export function isExpired(error: unknown): boolean {
  return error instanceof ClusterError && error.status === 410
}

function httpStatus(reason: string | undefined): number | undefined {
  return reason !== undefined && reason in HTTP_STATUS
    ? HTTP_STATUS[reason as StatusReason]
    : undefined
}

function codeOf(reason: string | undefined): string {
  if (reason === undefined) return 'CLUSTER_ERROR'
  return `CLUSTER_${reason.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`
}

function hintFor(reason: string | undefined): string {
  switch (reason) {
    case 'Unauthorized':
      return 'Check the credentials of the current context in the kubeconfig.'
    case 'Forbidden':
      return 'Ask for the missing permission, or use a context that has it.'
    case 'NotFound':
      return 'Check the name, the namespace and the current context.'
    case 'AlreadyExists':
      return 'Choose another name, or delete the existing object first.'
    case 'Conflict':
      return 'Somebody else changed the object meanwhile; try again.'
    case 'Invalid':
    case 'BadRequest':
      return 'Correct the fields named in the message.'
    default:
      return 'Try again; if it stays, look at the API server.'
  }
}
