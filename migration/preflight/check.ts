import type { Snapshot } from '../inventory/snapshot.ts'
import type { Intent } from '../plan/intent.ts'
import type { Finding } from '../result/findings.ts'

/** One preflight check, by its id in the table of docs/preflight.md. */
export interface Check {
  readonly id: string
  /** What it looks for, as a heading: `NetworkPolicies admit HBONE`. */
  readonly title: string
  readonly link: string
  /**
   * Everything it finds, nothing when all is well. Pure. NotReadable, thrown by the snapshot, makes it
   * `not evaluated`.
   */
  readonly evaluate: (context: CheckContext) => readonly CheckFinding[]
}

/** What the runner adds by itself: id and link. */
export type CheckFinding = Omit<Finding, 'id' | 'link'>

export interface CheckContext {
  readonly snapshot: Snapshot
  /** What the migration is about to do: checks judge that, not the namespace alone. */
  readonly intent: Intent
  /** `apply` judges what is denied harder than `plan`, which changes nothing. @default 'plan' */
  readonly purpose?: 'plan' | 'apply'
  /** What the server said to every call of the plan with dryRun=All; absent when it was not asked. */
  readonly dryRuns?: readonly DryRun[]
  /** What changed since the plan was made; absent when there is no plan to compare with. */
  readonly drift?: readonly Drift[]
}

export interface DryRun {
  /** `S10/shop`. */
  readonly step: string
  /** `Namespace shop`. */
  readonly resource: string
  readonly namespace?: string
  /** Absent when it would be carried out. */
  readonly refused?: string
  /** Refused for want of a permission, of which MB001 tells. */
  readonly denied?: boolean
  /** The step whose work it needs: it could not be tried before. */
  readonly after?: string
}

export interface Drift {
  /** `AuthorizationPolicy shop/deny-admin`. */
  readonly resource: string
  readonly namespace?: string
  readonly what: 'added' | 'changed' | 'removed'
}
