import { namespaceOf } from '../deploy/names.ts'
import type { HostFacts } from '../environment/host.ts'
import type { Mode } from '../modes.ts'
import {
  type Finding,
  type ModeResult,
  type Result,
  type RunOptions,
  schemaVersion,
} from '../result/schema.ts'
import { scheduleBlocks } from '../schedule/blocks.ts'
import { judgeRun } from '../validity/run.ts'

/** What is known of a run before it begins. */
export interface RunFacts {
  readonly runId: string
  readonly startedAtMs: number
  readonly tool: Result['tool']
  readonly options: RunOptions
  readonly environment: HostFacts
  readonly configHash?: string
}

/** What a run has measured so far. */
export interface Measured {
  readonly cluster: Result['environment']['cluster']
  readonly modes: ReadonlyMap<Mode, MeasuredMode>
  /** The windows in the order they were meant to be measured, where that is not a run's own. */
  readonly order?: Result['schedule']['order']
}

export interface MeasuredMode {
  readonly windows: ModeResult['windows']
}

/** Where every run begins, and all there is of one that failed before its first window. */
export function nothingMeasured(options: RunOptions): Measured {
  return {
    cluster: { kind: 'embedded', version: 'not reached' },
    modes: new Map(options.modes.map((mode) => [mode, { windows: [] }])),
  }
}

/** The record of a run however it ended: finished, stopped half-way, or failed before it began. */
export function recordRun(
  facts: RunFacts,
  measured: Measured,
  end: { readonly status: Result['status']; readonly finding?: Finding },
): Result {
  const { options } = facts
  const modes = Object.fromEntries(
    [...measured.modes].map(([mode, kept]) => [mode, modeResult(mode, kept)]),
  )
  const judged = judgeRun({ status: end.status, options, modes })
  return {
    schemaVersion,
    tool: facts.tool,
    runId: facts.runId,
    ...(facts.configHash !== undefined && { configHash: facts.configHash }),
    status: end.status,
    startedAt: new Date(facts.startedAtMs).toISOString(),
    endedAt: new Date().toISOString(),
    environment: { ...facts.environment, cluster: measured.cluster },
    options,
    schedule: { seed: options.seed, order: [...(measured.order ?? scheduleBlocks(options))] },
    modes,
    comparisons: [],
    noise: {},
    validity:
      end.finding === undefined
        ? judged
        : { verdict: 'invalid', findings: [end.finding, ...judged.findings] },
  }
}

function modeResult(mode: Mode, { windows }: MeasuredMode): ModeResult {
  const proofs = windows.flatMap(({ round, proof }) =>
    proof === undefined ? [] : [{ round, ...proof }],
  )
  return {
    namespace: namespaceOf(mode),
    verified: {
      ok: proofs.length > 0 && proofs.every(({ ok }) => ok),
      evidence: proofs.flatMap(({ round, evidence }) =>
        evidence.map((line) => `window ${round}: ${line}`),
      ),
    },
    windows,
    summary: {},
  }
}
