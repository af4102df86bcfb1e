import type { Check } from './check.ts'

/** Every check there is, in the order of the ids. */
export const checks: readonly Check[] = ([] as readonly Check[]).toSorted((a, b) =>
  a.id < b.id ? -1 : 1,
)
