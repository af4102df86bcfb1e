export type AgentErrorCode =
  | 'NO_ADDRESSES'
  | 'SOCKET_TAKEN'
  | 'HANDOVER_FAILED'
  | 'UNKNOWN_IMAGE'
  | 'PROCESS_GONE'

/** Something on this machine keeps the embedded cluster from running pods. */
export class AgentError extends Error {
  readonly code: AgentErrorCode
  readonly hint: string
  readonly exitCode = 5

  constructor(
    code: AgentErrorCode,
    message: string,
    { hint, cause }: { readonly hint: string; readonly cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'AgentError'
    this.code = code
    this.hint = hint
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
