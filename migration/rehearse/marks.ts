import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionEvent } from '../execute/events.ts'
import type { PodIdentity } from '../journal/entry.ts'
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
  readonly signal: AbortSignal
}

/** Lets the load go on for a while with nobody doing anything, and sees what that costs. */
export async function rest({ stage, pods, settleMs, signal }: RestOptions): Promise<Rest> {
  const meter = await stage.startMeter()
  const fromMs = Date.now()
  await sleep(settleMs, undefined, { signal })
  const span = { fromMs, toMs: Date.now() }
  return { span, usage: await meter.end(), pods: await pods() }
}

/** Follows an execution, rests after every step that did something, and keeps a mark of each. */
export class StepMarks {
  readonly marks: StepMark[] = []
  readonly #options: RestOptions
  #rest: Rest
  #direction: RehearsedStep['direction'] = 'apply'
  #startedMs = 0
  #current: string | undefined

  constructor(options: RestOptions, baseline: Rest) {
    this.#options = options
    this.#rest = baseline
  }

  /** For the events of one direction. */
  follow(direction: RehearsedStep['direction']): (event: ExecutionEvent) => Promise<void> {
    this.#direction = direction
    return async (event) => {
      if (event.event === 'step-started') this.#begin(event.step.id)
      // Taking a step back begins with its first call.
      if (event.event === 'call' && direction === 'rollback') this.#begin(event.step.id)
      if (event.event === 'step-verified') await this.#mark(event, 'verified', event.evidence)
      if (event.event === 'step-undone') await this.#mark(event, 'undone', [])
      if (event.event === 'step-failed') await this.#mark(event, 'failed', [], event.reason)
    }
  }

  #begin(step: string): void {
    if (this.#current === step) return
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
    this.#begin(step.id)
    this.#current = undefined
    const during = { fromMs: this.#startedMs, toMs: Date.now() }
    // Without a call nothing has changed: what was measured before still stands. Connections that a call
    // sets draining end before anything else is done, or their losses would be booked to a later step.
    if (step.calls.length > 0) {
      await this.#options.stage.quiet(this.#options.signal)
      this.#rest = await rest(this.#options)
    }
    this.marks.push({
      id: step.id,
      title: step.title,
      calls: step.calls.length,
      direction: this.#direction,
      during,
      before: before.span,
      after: this.#rest.span,
      outcome,
      ...(reason === undefined ? {} : { reason }),
      evidence,
      usageBefore: before.usage,
      usageAfter: this.#rest.usage,
      podsRestarted: restartedBetween(before.pods, this.#rest.pods),
    })
  }
}
