/** What the load generator refuses or gives up on. Shape as everywhere: code, message, hint, exitCode. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
  readonly code: LoadErrorCode
  readonly hint: string
  readonly exitCode: number

  constructor(code: LoadErrorCode, message: string, hint: string) {
    super(message)
    this.code = code
    this.hint = hint
    this.exitCode = exitCodes[code]
  }
}

export type LoadErrorCode = keyof typeof exitCodes

const exitCodes = {
  'plan-invalid': 2,
  'plan-running': 5,
  'engine-changed': 70,
  'accounting-broken': 70,
  interrupted: 130,
} as const
