import type { ClusterClient } from '../../cluster/client/types.ts'
import { type Deployment, deployMode } from '../deploy/deploy.ts'
import { listModePods } from '../deploy/pods.ts'
import type { Workload } from '../deploy/workload.ts'
import type { Mode } from '../modes.ts'
import type { RunOptions } from '../result/schema.ts'
import { type TrackedProcess, takeCensus } from '../sample/census.ts'
import { scheduleBlocks } from '../schedule/blocks.ts'
import { startClock } from './clock.ts'
import type { OnEvent } from './events.ts'
import { failedWindow } from './failed-window.ts'
import { runLoad } from './load-stream.ts'
import { planPriming, planWindow } from './plan.ts'
import { type Measured, type MeasuredMode, nothingMeasured } from './record.ts'
import { measureWindow } from './window.ts'

export interface ExperimentOptions {
  readonly client: ClusterClient
  readonly options: RunOptions
  readonly workload: Workload
  readonly generatorImage: string
  readonly onEvent?: OnEvent
  /** Ends the run early; what was measured until then comes back. */
  readonly signal?: AbortSignal
}

/**
 * Deploys every mode and measures them in turn. Throws only while nothing is measured: once windows
 * exist, trouble is recorded with the window it met, and an abort returns what there is.
 */
export async function runExperiment(experiment: ExperimentOptions): Promise<Measured> {
  const { client, options, signal } = experiment
  const measured = nothingMeasured(options)
  const { gitVersion, embedded } = await client.version()
  const cluster = { kind: embedded ? 'embedded' : 'kubernetes', version: gitVersion } as const
  try {
    const deployments = await deployAll(experiment)
    await prime(experiment, deployments)
    await measureAll(experiment, deployments, measured.modes)
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
  return { ...measured, cluster }
}

/** All modes at once: starting processes is mostly waiting. The first failure stops the others. */
async function deployAll(experiment: ExperimentOptions): Promise<Map<Mode, Deployment>> {
  const { client, options, workload, generatorImage, onEvent, signal } = experiment
  const failed = new AbortController()
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  onEvent?.({
    type: 'phase',
    phase: 'deploying',
    sentence: `deploying ${workload.name} as ${options.modes.join(', ')}`,
  })
  const deployments = await Promise.all(
    options.modes.map((mode) =>
      deployMode(client, {
        mode,
        workload,
        adjust: options,
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

/**
 * Lets the compiler see the hot paths of every process, on all modes at once: after 300 requests a
 * first window cost twice as much CPU per request as a third one, after some thousands they cost the
 * same. Counted in requests, because a busy machine needs longer for them.
 */
const primingRequests = 4_000
const mostPrimingSlices = 8

async function prime(
  experiment: ExperimentOptions,
  deployments: ReadonlyMap<Mode, Deployment>,
): Promise<void> {
  const sentence = 'warming all modes up once'
  experiment.onEvent?.({ type: 'phase', phase: 'priming', sentence })
  await Promise.all(
    [...deployments.values()].map((deployment) => primeMode(experiment, deployment)),
  )
}

async function primeMode(
  { client, options, signal }: ExperimentOptions,
  { namespace, generatorPod, entry }: Deployment,
): Promise<void> {
  const target = { namespace, pod: generatorPod }
  const plan = planPriming(options, entry)
  let answered = 0
  for (let slice = 0; slice < mostPrimingSlices && answered < primingRequests; slice++) {
    const { outcomes } = await runLoad(client, target, plan, () => undefined, signal)
    // Nothing gets through: the first window will say so, with its reason.
    if (outcomes.ok === 0) return
    answered += outcomes.ok
  }
}

async function measureAll(
  experiment: ExperimentOptions,
  deployments: ReadonlyMap<Mode, Deployment>,
  modes: ReadonlyMap<Mode, MeasuredMode>,
): Promise<void> {
  const { client, options, onEvent, signal } = experiment
  const schedule = scheduleBlocks(options)
  const clock = startClock(schedule.length, options.warmupMs + options.durationMs)
  onEvent?.({
    type: 'phase',
    phase: 'measuring',
    sentence: `measuring ${schedule.length} windows in random order`,
  })
  for (const [position, { round, mode }] of schedule.entries()) {
    signal?.throwIfAborted()
    const deployment = deployments.get(mode) as Deployment
    const kept = modes.get(mode) as MeasuredMode
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
