import { isObject } from '../api/json.ts'
import { ClusterError, type StatusDetails } from '../errors.ts'

const TEXT_MAX_CHARS = 300

/** What an API server said in a Status, or in whatever a proxy before it answered instead. */
export function answerError(httpStatus: number, text: string, retryAfter?: string): ClusterError {
  const status = parseStatus(text)
  // Only seconds: a date would need the server's clock (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
  const waited = /^\d+$/.test(retryAfter ?? '')
    ? { retryAfterSeconds: Number(retryAfter) }
    : undefined
  if (status === undefined) {
    const said = text.trim().slice(0, TEXT_MAX_CHARS) || 'nothing'
    return new ClusterError(`The API server answered ${httpStatus} and said ${said}`, {
      status: httpStatus,
      ...(httpStatus === 401 && { reason: 'Unauthorized' }),
      ...(httpStatus === 403 && { reason: 'Forbidden' }),
      ...(waited && { details: waited }),
    })
  }
  const { message, reason, details, code } = status
  return new ClusterError(typeof message === 'string' ? message : `HTTP ${httpStatus}`, {
    status: typeof code === 'number' ? code : httpStatus,
    ...(typeof reason === 'string' && reason !== '' && { reason }),
    ...((isObject(details) || waited) && {
      details: { ...waited, ...(isObject(details) && (details as StatusDetails)) },
    }),
  })
}

export function parseStatus(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && value.kind === 'Status' && value.apiVersion === 'v1'
      ? value
      : undefined
  } catch {
    return undefined
  }
}

/** No answer at all: name what keeps us from the server, as far as Node tells. */
export function connectionError(server: string, cause: unknown): ClusterError {
  const code = isObject(cause) && typeof cause.code === 'string' ? cause.code : ''
  const text = cause instanceof Error ? cause.message : String(cause)
  const untrusted = code.includes('CERT') || code.includes('SIGNATURE') || code.includes('ALTNAME')
  return new ClusterError(`The cluster at ${server} could not be reached: ${text || code}`, {
    code: 'CLUSTER_UNREACHABLE',
    hint: untrusted
      ? 'The kubeconfig belongs to another cluster than the one that answers at this address.'
      : 'Check that the cluster runs, and that the context of the kubeconfig is the one you mean.',
    cause,
  })
}
