import { exitCodes } from './exit-codes.ts'

/** The command line says something that cannot be carried out. */
export class UsageError extends Error {
  readonly code = 'usage'
  readonly exitCode = exitCodes.usage
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.name = 'UsageError'
    this.hint = hint
  }
}

/** What is shown of an error, whoever threw it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly cause?: string
  readonly hint: string
  readonly exitCode: number
  readonly stack?: string
}

/** Folders have error classes of their own; they are known by their shape. */
export function describeFailure(error: unknown): Failure {
  const message = messageOf(error)
  const { code, hint, exitCode, cause, stack } = (error ?? {}) as Record<string, unknown>
  const about = {
    message,
    cause: cause === undefined ? undefined : messageOf(cause),
    stack: typeof stack === 'string' ? stack : undefined,
  }
  if (typeof hint === 'string' && typeof exitCode === 'number') {
    return { ...about, code: String(code ?? 'error'), hint, exitCode }
  }
  return {
    ...about,
    code: 'internal',
    message: `unexpected: ${message}`,
    hint: 'this is a defect in meshbench: please report it with the output of --verbose',
    exitCode: exitCodes.internal,
  }
}

/** `error:` what happened, `cause:` what lies beneath, `hint:` what to do next. */
export function formatFailure(failure: Failure, verbose: boolean): string {
  const lines = [`error: ${failure.message}`]
  if (failure.cause !== undefined) lines.push(`  cause: ${failure.cause}`)
  lines.push(`  hint: ${failure.hint}`)
  if (verbose && failure.stack !== undefined) lines.push('', failure.stack)
  return lines.join('\n')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
