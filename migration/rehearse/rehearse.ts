import type { ExecutionEvent } from '../execute/events.ts'
import type { PodIdentity } from '../journal/entry.ts'
import type { Execution } from '../result/execution.ts'
import type { Carried } from '../result/rehearsal.ts'
import { type Rest, rest, type StepMark, StepMarks } from './marks.ts'
import type { RehearsalStage } from './stage.ts'

/** Carries out the plan, or takes it back, telling of every step. */
export type Carry = (
  onEvent: (event: ExecutionEvent) => Promise<void>,
  signal: AbortSignal,
) => Promise<Execution>

export interface RehearseOptions {
  readonly stage: RehearsalStage
  /** Pods of the namespace as they are now. */
  readonly pods: () => Promise<readonly PodIdentity[]>
  readonly apply: Carry
  /** Afterwards, under the same load. */
  readonly rollback?: Carry
  /** How long the load goes on with nobody doing anything, before the first step and after each. */
  readonly settleMs: number
  readonly onProgress?: (sentence: string) => void
  readonly signal: AbortSignal
}

/** What happened, on the time axis of the load; record.ts makes a result of it. */
export interface Course {
  readonly baseline: Rest
  readonly marks: readonly StepMark[]
  readonly carried: readonly Carried[]
  readonly execution: Execution
  readonly rollback?: Execution
  readonly podsBefore: readonly PodIdentity[]
  readonly podsAfter: readonly PodIdentity[]
  readonly endedAtMs: number
  /** Stopped by hand: what is here is what was measured until then. */
  readonly interrupted: boolean
}

/** Runs a migration under load. The load is stopped at the end, however that comes. */
export async function rehearse(options: RehearseOptions): Promise<Course> {
  const { stage } = options
  try {
    return await Promise.race([carryOut(options), stage.broken])
  } finally {
    await stage.stop()
  }
}

async function carryOut(options: RehearseOptions): Promise<Course> {
  const { stage, pods, signal, onProgress } = options
  onProgress?.('load before the first step, until it is steady')
  await stage.steady(signal)
  const podsBefore = await pods()
  const carried: Carried[] = []
  const prove = async (when: Carried['when']): Promise<Rest> => {
    const proof = await stage.startProof()
    const resting = await rest(options)
    if (signal.aborted) return resting
    carried.push({ when, ...(await proof.end()) })
    return resting
  }
  const baseline = await prove('before')
  signal.throwIfAborted()
  stage.assertCarries(baseline.span)
  const marks = new StepMarks(options, baseline)

  const execution = await options.apply(marks.follow('apply'), signal)
  await marks.interrupt()
  let rollback: Execution | undefined
  if (!signal.aborted) await prove('migrated')
  if (!signal.aborted && options.rollback !== undefined && execution.outcome === 'finished') {
    rollback = await options.rollback(marks.follow('rollback'), signal)
    await marks.interrupt()
    if (!signal.aborted) await prove('rolled-back')
  }
  return {
    baseline,
    marks: marks.marks,
    carried,
    execution,
    ...(rollback === undefined ? {} : { rollback }),
    podsBefore,
    podsAfter: await pods(),
    endedAtMs: Date.now(),
    interrupted: signal.aborted,
  }
}
