import { ClusterError } from '../../cluster/errors.ts'
import type { Call } from '../result/plan.ts'
import { nameOf, textOf } from './call.ts'

/** Why a step cannot go on; the text is for the report and for the journal. */
export class StepFailure extends Error {
  /**
   * - `refused`: the server will not have it, however often it is asked.
   * - `drift`: the object is not what the plan was made for.
   * - `gone`: the namespace or the object is no more.
   * - `credentials`: nothing can be asked any more; to be resumed with new ones.
   * - `unanswered`: the API server is in trouble for longer than patience lasts; to be resumed.
   * - `unproved`: a verification did not come true in its time.
   */
  readonly kind: 'refused' | 'drift' | 'gone' | 'credentials' | 'unanswered' | 'unproved'
  /** The call may have been carried out all the same. */
  readonly undecided: boolean

  constructor(kind: StepFailure['kind'], message: string, cause?: unknown, undecided = false) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StepFailure'
    this.kind = kind
    this.undecided = undecided || kind === 'unanswered'
  }
}

/** What an API server's no to a call means. */
export function refusalOf(call: Call, error: unknown): unknown {
  if (!(error instanceof ClusterError)) return error
  const what = textOf(call)
  switch (error.status) {
    case 401:
      return expired(error)
    case 403:
      return new StepFailure('refused', `${what} is not allowed: ${error.message}`, error)
    case 404:
      return new StepFailure(
        'gone',
        call.verb === 'patch'
          ? `${nameOf(call.ref)} is not there any more`
          : `${what}: ${error.message}`,
        error,
      )
    case 409:
      return new StepFailure('refused', conflict(call, error), error)
    case 422:
      if (call.verb !== 'patch') break
      return new StepFailure(
        'drift',
        `${nameOf(call.ref)} is not as it was when the plan was made: ${error.message}`,
        error,
      )
    case undefined:
    case 429:
      return new StepFailure('unanswered', `${what}: ${error.message}`, error)
  }
  if (error.status !== undefined && error.status >= 500) {
    return new StepFailure('unanswered', `${what}: ${error.message}`, error)
  }
  return new StepFailure('refused', `${what} was refused: ${error.message}`, error)
}

export function expired(error: ClusterError): StepFailure {
  return new StepFailure(
    'credentials',
    `the cluster does not accept the credentials any more (${error.message}); renew them and run apply again`,
    error,
  )
}

/** Server-side apply names the managers of the fields that are not ours. */
function conflict(call: Call, error: ClusterError): string {
  const causes = error.details?.causes ?? []
  const owned = causes.filter(({ reason }) => reason === 'FieldManagerConflict')
  if (owned.length === 0) {
    return call.verb === 'create'
      ? `${nameOf(call.ref)} exists already and is not ours`
      : `${nameOf(call.ref)} was changed by somebody else meanwhile: ${error.message}`
  }
  const owners = owned.map(({ message, field }) => {
    const manager = /"([^"]+)"/.exec(message)?.[1] ?? message
    return `${field} belongs to ${manager}`
  })
  return `${nameOf(call.ref)} was not taken over: ${owners.join(', ')}`
}
