/** The CLI knows these by shape; `exitCode` as in the table of exit codes. */
export class ReportError extends Error {
  readonly code: string
  readonly hint: string
  readonly exitCode: number

  constructor(code: string, message: string, hint: string, exitCode: number) {
    super(message)
    this.name = 'ReportError'
    this.code = code
    this.hint = hint
    this.exitCode = exitCode
  }
}

export function unknownFormat(format: string, known: readonly string[]): ReportError {
  return new ReportError(
    'report-format-unknown',
    `There is no report format "${format}".`,
    `Choose from: ${known.join(', ')}.`,
    2,
  )
}
