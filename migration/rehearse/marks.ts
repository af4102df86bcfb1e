import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionEvent } from '../execute/events.ts'
import type { PodIdentity } from '../journal/entry.ts'
import type { Step } from '../result/plan.ts'
import type { RehearsedStep, Usage } from '../result/rehearsal.ts'
import { restartedBetween } from './pods.ts'
import type { RehearsalStage, Span } from './stage.ts'

/** A step as it was carried out: when, and what stood before and after it. */
export interface StepMark {
  readonly id: string
  readonly title: string
  readonly calls: number
  readonly direction: RehearsedStep['direction']
  readonly during: Span
  readonly before: Span
  readonly after: Span
  readonly outcome: RehearsedStep['outcome']
  readonly reason?: string
  readonly evidence: readonly string[]
  readonly usageBefore: Usage
  readonly usageAfter: Usage
  readonly podsRestarted: number
}

/** The last stretch of time in which nothing was done. */
export interface Rest {
  readonly span: Span
  readonly usage: Usage
  readonly pods: readonly PodIdentity[]
}

export interface RestOptions {
  readonly stage: Pick<RehearsalStage, 'startMeter' | 'quiet'>
  readonly pods: () => Promise<readonly PodIdentity[]>
  readonly settleMs: number
  readonly onProgress?: (sentence: string) => void
  readonly signal: AbortSignal
}

/**
 * Lets the load go on for a while with nobody doing anything, and sees what that costs; cut short when
 * the rehearsal is interrupted.
 */
export async function rest({ stage, pods, settleMs, signal }: RestOptions): Promise<Rest> {
  const meter = await stage.startMeter()
  const fromMs = Date.now()
  await sleep(settleMs, undefined, { signal }).catch(unlessStopped(signal))
  const span = { fromMs, toMs: Date.now() }
  return { span, usage: await meter.end(), pods: await pods() }
}

/** What was interrupted is told of by its figures so far. */
export const unlessStopped =
  (signal: AbortSignal) =>
  (error: unknown): void => {
    if (!signal.aborted) throw error
  }

/** Follows an execution, rests after every step that did something, and keeps a mark of each. */
export class StepMarks {
  readonly marks: StepMark[] = []
  readonly #options: RestOptions
  #rest: Rest
  #direction: RehearsedStep['direction'] = 'apply'
  #startedMs = 0
  #current: Step | undefined

  constructor(options: RestOptions, baseline: Rest) {
    this.#options = options
    this.#rest = baseline
  }

  /** For the events of one direction. */
  follow(direction: RehearsedStep['direction']): (event: ExecutionEvent) => Promise<void> {
    this.#direction = direction
    return async (event) => {
      if (event.event === 'step-started') this.#begin(event.step)
      // Taking a step back begins with its first call.
      if (event.event === 'call' && direction === 'rollback') this.#begin(event.step)
      if (event.event === 'step-verified') await this.#mark(event, 'verified', event.evidence)
      if (event.event === 'step-skipped') this.#current = undefined
      if (event.event === 'step-undone') await this.#mark(event, 'undone', [])
      if (event.event === 'step-failed') await this.#mark(event, 'failed', [], event.reason)
    }
  }

  #begin(step: Step): void {
    if (this.#current?.id === step.id) return
    this.#current = step
    this.#startedMs = Date.now()
  }

  async #mark(
    { step }: Extract<ExecutionEvent, { step: unknown }>,
    outcome: StepMark['outcome'],
    evidence: readonly string[],
    reason?: string,
  ): Promise<void> {
    const before = this.#rest
    this.#begin(step)
    this.#current = undefined
    const during = { fromMs: this.#startedMs, toMs: Date.now() }
    // Without a call nothing has changed: what was measured before still stands. Connections that a call
    // sets draining end before anything else is done, or their losses would be booked to a later step.
    if (step.calls.length > 0) {
      const { stage, signal, onProgress } = this.#options
      onProgress?.(`load after ${step.id}, once no old connection drains`)
      await stage.quiet(signal).catch(unlessStopped(signal))
      this.#rest = await rest(this.#options)
    }
    this.#push(step, { during, before, outcome, evidence, ...(reason && { reason }) })
  }

  /** Of the step that was under way when the rehearsal was interrupted, if there was one. */
  async interrupt(): Promise<void> {
    const step = this.#current
    if (step === undefined) return
    this.#current = undefined
    const during = { fromMs: this.#startedMs, toMs: Date.now() }
    const before = this.#rest
    this.#rest = await rest(this.#options)
    this.#push(step, { during, before, outcome: 'interrupted', evidence: [] })
  }

  #push(
    { id, title, calls }: Step,
    {
      before,
      ...mark
    }: Pick<StepMark, 'during' | 'outcome' | 'reason' | 'evidence'> & { readonly before: Rest },
  ): void {
    this.marks.push({
      id,
      title,
      calls: calls.length,
      direction: this.#direction,
      ...mark,
      before: before.span,
      after: this.#rest.span,
      usageBefore: before.usage,
      usageAfter: this.#rest.usage,
      podsRestarted: restartedBetween(before.pods, this.#rest.pods),
    })
  }
}
