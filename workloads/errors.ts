/** Raised for a workload name that is not in the catalogue. Recognised by shape (DESIGN: errors). */
export class UnknownTopologyError extends Error {
  override readonly name = 'UnknownTopologyError'
  readonly code = 'UNKNOWN_WORKLOAD'
  readonly exitCode = 2
  readonly hint: string

  constructor(name: string, known: readonly string[], nearest: string | undefined) {
    super(`there is no workload named "${name}"`)
    const list = `known workloads: ${known.join(', ')}`
    this.hint = nearest === undefined ? list : `did you mean "${nearest}"? (${list})`
  }
}
