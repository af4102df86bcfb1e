import { NoEntryError } from '../errors.ts'

export interface EntryFacts {
  /** Of the workload, for messages. */
  readonly workload: string
  /** Services that answer HTTP, in the order of the file. */
  readonly services: readonly string[]
  /** Those that the file itself marks. */
  readonly marked: readonly string[]
  /** Everything some service calls. */
  readonly called: ReadonlySet<string>
  /** What was asked for by name. */
  readonly wanted?: string
}

/** The service the load goes to: the one asked for, else the one marked, else the one nobody calls. */
export function chooseEntry({ workload, services, marked, called, wanted }: EntryFacts): string {
  if (wanted !== undefined) {
    if (services.includes(wanted)) return wanted
    throw new NoEntryError(
      `${workload} has no HTTP service named "${wanted}" that load could enter at`,
      `its HTTP services: ${services.join(', ') || 'none'}`,
    )
  }
  const candidates = marked.length > 0 ? marked : services.filter((name) => !called.has(name))
  const [only, ...others] = candidates
  if (only !== undefined && others.length === 0) return only
  const which = marked.length > 0 ? 'marked as its entry' : 'called by no other service'
  throw new NoEntryError(
    candidates.length === 0
      ? `${workload} does not say at which service load enters, and every HTTP service is called by another`
      : `${workload} has ${candidates.length} services ${which}: ${candidates.join(', ')}`,
    `say which one gets the load: --entry ${only ?? services[0] ?? 'NAME'}`,
  )
}
