/** Raised for a workload name that is not in the catalogue. Recognised by shape (DESIGN: errors). */
export class UnknownTopologyError extends Error {
  override readonly name = 'UnknownTopologyError'
  readonly code = 'UNKNOWN_WORKLOAD'
  readonly exitCode = 2
  readonly hint: string

  constructor(name: string, known: readonly string[], nearest: string | undefined) {
    super(`there is no workload named "${name}"`)
    const list = `known workloads: ${known.join(', ')}, or a YAML file`
    this.hint = nearest === undefined ? list : `did you mean "${nearest}"? (${list})`
  }
}

/** A workload's file cannot be used; the message holds one line for each reason. */
export class WorkloadFileError extends Error {
  override readonly name = 'WorkloadFileError'
  readonly code = 'WORKLOAD_FILE'
  readonly exitCode = 2
  readonly hint: string

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.hint = hint
  }
}

/** Nothing says which service the load should go to. */
export class NoEntryError extends Error {
  override readonly name = 'NoEntryError'
  readonly code = 'WORKLOAD_ENTRY'
  readonly exitCode = 2
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}
