import type { Severity } from '../result/findings.ts'
import type { CheckFinding } from './check.ts'

export interface FindingText {
  /** What it is about: `Deployment shop/cart`. */
  readonly resource: string
  readonly reason: string
  readonly remedy: string
  readonly namespace?: string
}

/** A blocker that may be accepted is a risk; one that may not is a migration that cannot work. */
export const blocker = (text: FindingText, acceptable = false): CheckFinding =>
  finding('blocker', text, acceptable)

export const warning = (text: FindingText): CheckFinding => finding('warning', text, true)

export const info = (text: FindingText): CheckFinding => finding('info', text, true)

export function finding(severity: Severity, text: FindingText, acceptable = true): CheckFinding {
  return { severity, ...text, acceptable }
}

/** `3 pods`, `1 pod` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** As many names as a line takes. */
export function named(names: readonly string[], shown = 5): string {
  const rest = names.length - shown
  return rest > 0 ? `${names.slice(0, shown).join(', ')} and ${rest} more` : names.join(', ')
}
