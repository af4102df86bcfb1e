import type { LoadPoint } from '../load/protocol.ts'
import type { Mode } from '../modes.ts'
import type { Window } from '../result/schema.ts'

/** What a run tells whoever watches it. Nothing in a run depends on who listens. */
export type ExperimentEvent =
  /** `deploying` -> `priming` -> `measuring` -> `finished`; the sentence is for people. */
  | { readonly type: 'phase'; readonly phase: Phase; readonly sentence: string }
  | {
      readonly type: 'window-start'
      readonly index: number
      readonly total: number
      readonly round: number
      readonly rounds: number
      readonly mode: Mode
      /** Of a sweep: `rate 300`. */
      readonly point?: string
      readonly remainingMs: number
    }
  | { readonly type: 'progress'; readonly point: LoadPoint; readonly remainingMs: number }
  | { readonly type: 'window-end'; readonly mode: Mode; readonly window: Window }

export type Phase = 'deploying' | 'priming' | 'measuring' | 'finished'

export type OnEvent = (event: ExperimentEvent) => void
