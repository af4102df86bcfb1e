import type { ClusterClient } from '../../cluster/client/types.ts'
import type { Journal } from '../journal/write.ts'
import type { Plan, Step } from '../result/plan.ts'
import type { VerifyContext } from '../verify/context.ts'
import type { CarryOutContext } from './carry-out.ts'
import type { ExecutionEvent } from './events.ts'
import type { GateOptions } from './health-gate.ts'
import type { HeldLease } from './lease.ts'
import { type Patience, patientReads, usualPatience } from './patience.ts'

/** What is changed since a plan was made, by `Kind namespace/name`. */
export interface Drift {
  readonly changed: readonly string[]
  readonly appeared: readonly string[]
  readonly gone: readonly string[]
}

export interface ExecuteOptions {
  /** `.meshbench/migrations`: every migration has a folder of its own in it. */
  readonly journalDirectory: string
  /** Fires on Ctrl-C: what is under way is finished, then everything stops, to be resumed. */
  readonly signal?: AbortSignal
  /** Awaited: whoever listens can hold the execution between two steps. */
  readonly onEvent?: (event: ExecutionEvent) => unknown
  /** Multiplies every patience of a verification. @default 1 */
  readonly verifyTimeoutScale?: number
  readonly patience?: Patience
  /** How long a lease outlives a holder that died. @default 30 s */
  readonly leaseDurationMs?: number
}

export interface ApplyOptions extends ExecuteOptions {
  /** Reads the cluster again and compares; undefined when all is as the plan saw it. */
  readonly readDrift: () => Promise<Drift | undefined>
  /** Findings that are accepted, besides those the plan was made with: `MB053`, `MB053=RESOURCE`. */
  readonly accept?: readonly string[]
  readonly rollbackOnFailure?: boolean
  /** Id of a step, or a phase: `S9` stands for its last step. */
  readonly pauseAfter?: string
  readonly gate?: GateOptions
}

/** Everything the steps of one run share. */
export interface Run {
  readonly plan: Plan
  readonly journal: Journal
  readonly client: ClusterClient
  /** The same, patient: for all that changes nothing. */
  readonly reader: ClusterClient
  readonly carryOut: CarryOutContext
  readonly liveTakeover: boolean
  readonly scale: number
  /** Fires on Ctrl-C and when the lease is lost. */
  readonly stop: AbortSignal
  emit(event: ExecutionEvent): Promise<void>
  /** Throws when somebody else may have begun to migrate the namespaces. */
  assertHeld(): Promise<void>
}

/** What was seen just before the calls of a step. */
export type StepBefore = Pick<VerifyContext, 'podsBefore' | 'carriedBefore' | 'trafficBefore'>

export interface RunParts {
  readonly client: ClusterClient
  readonly plan: Plan
  readonly journal: Journal
  readonly options: ExecuteOptions
  readonly liveTakeover: boolean
  readonly lease: HeldLease
  readonly stop: AbortSignal
}

export function runOf(parts: RunParts): Run {
  const { client, plan, journal, options, liveTakeover, lease, stop } = parts
  const { patience = usualPatience, verifyTimeoutScale = 1 } = options
  const emit = async (event: ExecutionEvent): Promise<void> => {
    await options.onEvent?.(event)
  }
  const onRetry = (text: string): void => void emit({ event: 'notice', text })
  return {
    plan,
    journal,
    client,
    reader: patientReads(client, patience, stop, onRetry),
    carryOut: { client, planId: plan.id, patience, onRetry },
    liveTakeover,
    scale: verifyTimeoutScale,
    stop,
    emit,
    assertHeld: async () => {
      await lease.ensure()
      stop.throwIfAborted()
    },
  }
}

export function verifyContext(
  run: Run,
  step: Step,
  timeoutMs: number,
  before: Partial<StepBefore> = {},
): VerifyContext {
  return {
    client: run.reader,
    plan: run.plan,
    step,
    podsBefore: [],
    ...before,
    liveTakeover: run.liveTakeover,
    timeoutMs: timeoutMs * run.scale,
    signal: run.stop,
    onWaiting: (text) => void run.emit({ event: 'waiting', step, text }),
  }
}
