import { statusError } from '../errors.ts'

/** Where the next page of a list begins, and which version all its pages show. */
export interface Continuation {
  readonly version: number
  /** keyOf the last object already given. */
  readonly after: string
}

export function continueToken({ version, after }: Continuation): string {
  return Buffer.from(JSON.stringify([version, after])).toString('base64url')
}

export function parseContinueToken(token: string): Continuation {
  try {
    const [version, after] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    if (Number.isSafeInteger(version) && typeof after === 'string') return { version, after }
  } catch {
    // Told below, the same way for everything that is no token.
  }
  throw statusError('BadRequest', 'continue key is not valid')
}
