import type { ClusterClient } from '../../cluster/client/types.ts'
import { type Deployment, deployMode, type Topology } from '../deploy/deploy.ts'
import { namespaceOf } from '../deploy/names.ts'
import { listModePods } from '../deploy/pods.ts'
import type { HostFacts } from '../environment/host.ts'
import type { Mode } from '../modes.ts'
import { type ModeResult, type Result, type RunOptions, schemaVersion } from '../result/schema.ts'
import { type TrackedProcess, takeCensus } from '../sample/census.ts'
import { scheduleBlocks } from '../schedule/blocks.ts'
import { judgeRun } from '../validity/run.ts'
import type { PathProof } from '../verify/path.ts'
import { startClock } from './clock.ts'
import type { OnEvent } from './events.ts'
import { failedWindow } from './failed-window.ts'
import { runLoad } from './load-stream.ts'
import { planPriming, planWindow } from './plan.ts'
import { measureWindow } from './window.ts'

export interface ExperimentOptions {
  readonly client: ClusterClient
  readonly options: RunOptions
  readonly topology: Topology
  readonly generatorImage: string
  readonly environment: HostFacts
  readonly tool: Result['tool']
  readonly runId: string
  readonly startedAtMs: number
  readonly onEvent?: OnEvent
  /** Ends the run early; what was measured until then comes back with status `interrupted`. */
  readonly signal?: AbortSignal
}

/** Deploys every mode, measures them in turn, and returns the whole record. Throws only before the
 * first window: from then on trouble belongs into the record. */
export async function runExperiment(experiment: ExperimentOptions): Promise<Result> {
  const { client, options, signal } = experiment
  const { gitVersion, embedded } = await client.version()
  const schedule = scheduleBlocks(options)
  const modes = new Map<Mode, MutableModeResult>(
    options.modes.map((mode) => [mode, { proofs: [], windows: [] }]),
  )
  try {
    const deployments = await deployAll(experiment)
    await prime(experiment, deployments)
    await measureAll(experiment, deployments, modes)
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
  const record: Result = {
    schemaVersion,
    tool: experiment.tool,
    runId: experiment.runId,
    status: signal?.aborted === true ? 'interrupted' : 'complete',
    startedAt: new Date(experiment.startedAtMs).toISOString(),
    endedAt: new Date().toISOString(),
    environment: {
      ...experiment.environment,
      cluster: { kind: embedded ? 'embedded' : 'kubernetes', version: gitVersion },
    },
    options,
    schedule: { seed: options.seed, order: schedule },
    modes: Object.fromEntries([...modes].map(([mode, kept]) => [mode, modeResult(mode, kept)])),
    comparisons: [],
    noise: {},
    validity: { verdict: 'valid', findings: [] },
  }
  return { ...record, validity: judgeRun(record) }
}

interface MutableModeResult {
  readonly proofs: PathProof[]
  readonly windows: ModeResult['windows']
}

function modeResult(mode: Mode, { proofs, windows }: MutableModeResult): ModeResult {
  return {
    namespace: namespaceOf(mode),
    verified: {
      ok: proofs.length > 0 && proofs.every(({ ok }) => ok),
      evidence: proofs.flatMap(({ evidence }, index) =>
        evidence.map((line) => `window ${index + 1}: ${line}`),
      ),
    },
    windows,
    summary: {},
  }
}

/** All modes at once: starting processes is mostly waiting. The first failure stops the others. */
async function deployAll(experiment: ExperimentOptions): Promise<Map<Mode, Deployment>> {
  const { client, options, topology, generatorImage, onEvent, signal } = experiment
  const failed = new AbortController()
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  onEvent?.({
    type: 'phase',
    phase: 'deploying',
    sentence: `deploying ${topology.name} as ${options.modes.join(', ')}`,
  })
  const deployments = await Promise.all(
    options.modes.map((mode) =>
      deployMode(client, {
        mode,
        topology,
        generatorImage,
        onProgress: (sentence) => onEvent?.({ type: 'phase', phase: 'deploying', sentence }),
        signal: either,
      }).catch((error: unknown) => {
        failed.abort()
        throw error
      }),
    ),
  )
  return new Map(deployments.map((deployment) => [deployment.mode, deployment]))
}

async function prime(
  { client, options, onEvent, signal }: ExperimentOptions,
  deployments: ReadonlyMap<Mode, Deployment>,
): Promise<void> {
  onEvent?.({ type: 'phase', phase: 'priming', sentence: 'warming all modes up once' })
  await Promise.all(
    [...deployments.values()].map(({ namespace, generatorPod, entry }) =>
      runLoad(
        client,
        { namespace, pod: generatorPod },
        planPriming(options, entry),
        () => undefined,
        signal,
      ),
    ),
  )
}

async function measureAll(
  experiment: ExperimentOptions,
  deployments: ReadonlyMap<Mode, Deployment>,
  modes: ReadonlyMap<Mode, MutableModeResult>,
): Promise<void> {
  const { client, options, onEvent, signal } = experiment
  const schedule = scheduleBlocks(options)
  const clock = startClock(schedule.length, options.warmupMs + options.durationMs)
  onEvent?.({
    type: 'phase',
    phase: 'measuring',
    sentence: `measuring ${schedule.length} windows, ${options.rounds} rounds in random order`,
  })
  for (const [position, { round, mode }] of schedule.entries()) {
    signal?.throwIfAborted()
    const deployment = deployments.get(mode) as Deployment
    const kept = modes.get(mode) as MutableModeResult
    const plan = planWindow(options, deployment.entry, round)
    const startedAtMs = Date.now()
    clock.beginWindow(position)
    onEvent?.({
      type: 'window-start',
      index: position + 1,
      total: schedule.length,
      round,
      rounds: options.rounds,
      mode,
      remainingMs: clock.remainingMs(),
    })
    try {
      const { window, proof } = await measureWindow({
        client,
        deployment,
        plan,
        options,
        round,
        position,
        listPods: () => listModePods(client, mode),
        bystanders: await census(
          client,
          options.modes.filter((other) => other !== mode),
        ),
        onPoint: (point) =>
          onEvent?.({ type: 'progress', point, remainingMs: clock.remainingMs() }),
        signal,
      })
      kept.proofs.push(proof)
      kept.windows.push(window)
    } catch (error) {
      // An interrupted window has no figures; the windows before it keep theirs.
      signal?.throwIfAborted()
      const reason = error instanceof Error ? error.message : String(error)
      kept.windows.push(failedWindow({ mode, round, position, startedAtMs, plan, reason }))
    }
    const window = kept.windows.at(-1)
    if (window !== undefined) onEvent?.({ type: 'window-end', mode, window })
  }
  onEvent?.({ type: 'phase', phase: 'finished', sentence: 'all windows measured' })
}

async function census(client: ClusterClient, modes: readonly Mode[]): Promise<TrackedProcess[]> {
  return (await Promise.all(modes.map((mode) => listModePods(client, mode)))).flatMap(takeCensus)
}
