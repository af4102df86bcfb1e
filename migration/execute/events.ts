import type { Step } from '../result/plan.ts'

/**
 * Live progress of `apply` and `rollback`, for terminals and for a rehearsal that measures meanwhile.
 * Every `step-started` is followed by exactly one of `step-verified`, `step-skipped`, `step-failed` and, in a
 * rollback, `step-undone`.
 */
export type ExecutionEvent =
  | {
      readonly event: 'step-started'
      readonly step: Step
      readonly number: number
      readonly of: number
    }
  | { readonly event: 'call'; readonly step: Step; readonly text: string }
  | { readonly event: 'waiting'; readonly step: Step; readonly text: string }
  | {
      readonly event: 'step-verified'
      readonly step: Step
      readonly evidence: readonly string[]
      readonly durationMs: number
    }
  | { readonly event: 'step-failed'; readonly step: Step; readonly reason: string }
  /** What it requires does not hold yet: a later run looks again. */
  | { readonly event: 'step-skipped'; readonly step: Step; readonly reason: string }
  | { readonly event: 'step-undone'; readonly step: Step }
  | { readonly event: 'notice'; readonly text: string }
