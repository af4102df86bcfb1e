/** What can go wrong in an experiment. `exitCode` follows the table in cli/exit-codes.ts. */
export class HarnessError extends Error {
  readonly code: string
  readonly hint: string
  readonly exitCode: number

  constructor(
    code: HarnessErrorCode,
    message: string,
    options: { readonly hint: string; readonly exitCode: number; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause })
    this.name = 'HarnessError'
    this.code = code
    this.hint = options.hint
    this.exitCode = options.exitCode
  }
}

export type HarnessErrorCode =
  | 'pod-not-ready'
  | 'unknown-workload'
  | 'workload-too-large'
  | 'load-failed'
  | 'load-not-carried'
  | 'result-unreadable'
  | 'result-truncated'
  | 'result-newer'
  | 'result-invalid'
  | 'output-unwritable'
