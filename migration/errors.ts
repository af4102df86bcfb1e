/** Why a migration cannot be planned, carried out or taken back; the cause first, then what to do. */
export class MigrationError extends Error {
  readonly code: string
  readonly hint: string
  /** 2 usage, 5 cluster not ready, 6 blocked by preflight, 7 a step failed. */
  readonly exitCode: 2 | 5 | 6 | 7

  constructor(
    message: string,
    fields: {
      readonly code: string
      readonly hint: string
      readonly exitCode: 2 | 5 | 6 | 7
      readonly cause?: unknown
    },
  ) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.name = 'MigrationError'
    this.code = fields.code
    this.hint = fields.hint
    this.exitCode = fields.exitCode
  }
}
