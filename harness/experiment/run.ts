import { setMaxListeners } from 'node:events'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { type Deployment, deployMode } from '../deploy/deploy.ts'
import { listModePods } from '../deploy/pods.ts'
import type { Workload } from '../deploy/workload.ts'
import { describeCluster } from '../environment/cluster.ts'
import type { Mode } from '../modes.ts'
import type { RunOptions } from '../result/schema.ts'
import { type TrackedProcess, takeCensus } from '../sample/census.ts'
import { type ScheduledPoint, schedulePoints } from '../schedule/blocks.ts'
import { startClock } from './clock.ts'
import type { OnEvent } from './events.ts'
import { failedWindow } from './failed-window.ts'
import { runLoad } from './load-stream.ts'
import { planPriming, planWindow } from './plan.ts'
import { waitForQuiet } from './quiet.ts'
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

/** One setting of a sweep. Points that are measured together differ in their load alone. */
export interface SweepPoint {
  readonly options: RunOptions
  /** For people: `rate 300`. */
  readonly label: string
}

export interface PointsOptions extends Omit<ExperimentOptions, 'options'> {
  readonly points: readonly SweepPoint[]
  /** Of the whole sweep, in order; those of `rounds` are measured now. */
  readonly rounds: readonly number[]
}

/**
 * Deploys every mode and measures them in turn. Throws only while nothing is measured: once windows
 * exist, trouble is recorded with the window it met, and an abort returns what there is.
 */
export async function runExperiment({ options, ...rest }: ExperimentOptions): Promise<Measured> {
  const rounds = Array.from({ length: options.rounds }, (_, index) => index + 1)
  const [measured] = await runPoints({ ...rest, points: [{ options, label: '' }], rounds })
  const { cluster, modes } = measured ?? nothingMeasured(options)
  return { cluster, modes }
}

/** The same for several points on one deployment, every round holding each mode at each point once. */
export async function runPoints(experiment: PointsOptions): Promise<Measured[]> {
  const { client, points, signal } = experiment
  const cluster = describeCluster(await client.version())
  const schedule = scheduleOf(experiment)
  const measured = points.map(({ options }, index) => ({
    ...nothingMeasured(options),
    cluster,
    order: schedule
      .filter(({ point }) => point === index)
      .map(({ round, mode }) => ({ round, mode })),
  }))
  try {
    const deployments = await deployAll(experiment)
    await prime(experiment, deployments)
    await measureAll(experiment, schedule, deployments, measured)
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
  return measured
}

function scheduleOf({ points, rounds }: PointsOptions): ScheduledPoint[] {
  const { modes, seed } = firstOf(points)
  const all = schedulePoints({ modes, points: points.length, rounds: Math.max(...rounds), seed })
  return all.filter(({ round }) => rounds.includes(round))
}

function firstOf(points: readonly SweepPoint[]): RunOptions {
  const [first] = points
  if (first === undefined) throw new RangeError('a sweep has at least one point')
  return first.options
}

/** All modes at once: starting processes is mostly waiting. The first failure stops the others. */
async function deployAll(experiment: PointsOptions): Promise<Map<Mode, Deployment>> {
  const { client, points, workload, generatorImage, onEvent, signal } = experiment
  const options = firstOf(points)
  const failed = new AbortController()
  // Every mode that is being deployed listens to it more than once.
  setMaxListeners(0, failed.signal)
  const stop = (): void => failed.abort(signal?.reason)
  signal?.addEventListener('abort', stop)
  if (signal?.aborted === true) stop()
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
        signal: failed.signal,
      }).catch((error: unknown) => {
        failed.abort()
        throw error
      }),
    ),
  ).finally(() => signal?.removeEventListener('abort', stop))
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
  experiment: PointsOptions,
  deployments: ReadonlyMap<Mode, Deployment>,
): Promise<void> {
  const sentence = 'warming all modes up once'
  experiment.onEvent?.({ type: 'phase', phase: 'priming', sentence })
  await Promise.all(
    [...deployments.values()].map((deployment) => primeMode(experiment, deployment)),
  )
}

async function primeMode(
  { client, points, signal }: PointsOptions,
  { namespace, generatorPod, entry }: Deployment,
): Promise<void> {
  const target = { namespace, pod: generatorPod }
  const plan = planPriming(firstOf(points), entry)
  let answered = 0
  for (let slice = 0; slice < mostPrimingSlices && answered < primingRequests; slice++) {
    const { outcomes } = await runLoad(client, target, plan, () => undefined, signal)
    // Nothing gets through: the first window will say so, with its reason.
    if (outcomes.ok === 0) return
    answered += outcomes.ok
  }
}

async function measureAll(
  experiment: PointsOptions,
  schedule: readonly ScheduledPoint[],
  deployments: ReadonlyMap<Mode, Deployment>,
  measured: readonly Measured[],
): Promise<void> {
  const { client, points, rounds, onEvent, signal } = experiment
  const { modes, warmupMs, durationMs, workloadsPerNode } = firstOf(points)
  const quiet = waitForQuiet(schedule.length * (warmupMs + durationMs))
  const clock = startClock(schedule.length, warmupMs + durationMs)
  onEvent?.({
    type: 'phase',
    phase: 'measuring',
    sentence: `measuring ${schedule.length} windows in random order`,
  })
  for (const [position, { round, mode, point }] of schedule.entries()) {
    signal?.throwIfAborted()
    const { options, label } = points[point] as SweepPoint
    const deployment = deployments.get(mode) as Deployment
    const kept = measured[point]?.modes.get(mode) as MeasuredMode
    const plan = planWindow(options, deployment.entry, round)
    const startedAtMs = Date.now()
    clock.beginWindow(position)
    onEvent?.({
      type: 'window-start',
      index: position + 1,
      total: schedule.length,
      round,
      rounds: Math.max(firstOf(points).rounds, ...rounds),
      mode,
      ...(label === '' ? {} : { point: label }),
      remainingMs: clock.remainingMs(),
    })
    try {
      const window = await measureWindow({
        client,
        deployment,
        plan,
        options,
        round,
        position,
        listPods: () => listModePods(client, mode, workloadsPerNode),
        bystanders: await census(
          client,
          modes.filter((other) => other !== mode),
          workloadsPerNode,
        ),
        quiet: await quiet.next(signal),
        onPoint: (point) =>
          onEvent?.({ type: 'progress', point, remainingMs: clock.remainingMs() }),
        signal,
      })
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

async function census(
  client: ClusterClient,
  modes: readonly Mode[],
  workloadsPerNode?: number,
): Promise<TrackedProcess[]> {
  const pods = await Promise.all(modes.map((mode) => listModePods(client, mode, workloadsPerNode)))
  return takeCensus(pods.flat())
}
