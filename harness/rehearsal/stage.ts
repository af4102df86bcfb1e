import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { meshAnnotations } from '../../cluster/mesh-labels.ts'
import { type Pod, podKind } from '../deploy/pods.ts'
import { HarnessError } from '../errors.ts'
import { type Caller, laneKinds, lanePlan } from './callers.ts'
import { carriedBetween, readInbound } from './carried.ts'
import { type LatencyFigures, latencyIn, timeline, trafficIn } from './cut.ts'
import { deployRehearsal, type RehearsalDeployOptions, type RehearsedNamespace } from './deploy.ts'
import { type Lane, startLane } from './lane.ts'
import type { LaneLog, Span } from './lane-log.ts'
import { startMeter } from './meters.ts'
import { type Reachable, reachableFrom } from './reachable.ts'

export interface StageOptions extends RehearsalDeployOptions {
  readonly rehearsed: RehearsedNamespace
  readonly callers: readonly Caller[]
  /** Of all callers together. */
  readonly ratePerSecond: number
  readonly signal: AbortSignal
}

interface CallerLane {
  readonly caller: Caller
  readonly kind: (typeof laneKinds)[number]
  readonly lane: Lane
  readonly services: readonly string[]
}

/** States of a takeover that end by themselves (cluster/agent/takeover.ts). */
const passing = new Set(['leaving', 'draining', 'returning'])
const quietPollMs = 250
/** Old connections get 25 s. */
const quietDeadlineMs = 40_000
const beginPollMs = 20

/** Deploys the namespace and its callers and puts it under load; resolves when all lanes carry load. */
export async function openStage(client: ClusterClient, options: StageOptions) {
  const { rehearsed, ratePerSecond, signal } = options
  const { namespace, targets } = rehearsed
  await deployRehearsal(client, rehearsed, options.callers, options)

  const reached = await Promise.all(
    options.callers.map(async (caller) => ({
      caller,
      ...(await reachableFrom(client, caller, rehearsed, signal)),
    })),
  )
  const callers = reached.filter(({ spread }) => spread.length > 0)
  if (callers.length === 0) throw nobodyMayCall(reached)
  const laneRate = ratePerSecond / (callers.length * laneKinds.length)
  const ending = new AbortController()
  // Every lane listens to it more than once.
  setMaxListeners(0, ending.signal)
  const stopNow = (): void => ending.abort()
  signal.addEventListener('abort', stopNow)
  const all = callers.flatMap(({ caller, spread }) =>
    laneKinds.map((kind): CallerLane => {
      const plan = lanePlan(spread, kind, laneRate)
      const lane = startLane(client, caller.namespace, plan, ending.signal)
      return { caller, kind, lane, services: spread.map(({ service }) => service) }
    }),
  )
  const lanes = all.map(({ lane }) => lane)
  const logs = lanes.map(({ log }) => log)
  const broken = Promise.all(lanes.map(({ ended }) => ended)).then(
    () => new Promise<never>(() => {}),
  )
  broken.catch(() => undefined)
  await Promise.race([untilAllBegan(logs, signal), broken])
  const namespaces = options.callers.map((caller) => caller.namespace)
  const called = targets.flatMap(({ workloads }) => workloads)
  // A sidecar that stays pools its connections: what its application opens anew is not new behind it.
  const fresh = all
    .filter(({ caller, kind }) => kind === 'fresh' && (caller.moves || caller.mesh === 'none'))
    .map(({ lane }) => lane.log)

  return {
    startedAtMs: Date.now(),
    expectedGapMs: 1_000 / laneRate,
    traffic: (span: Span) => trafficIn(logs, span),
    latency: (span: Span) => latencyIn(logs, span),
    timeline: (span: Span, binMs: number) => timeline(logs, span, binMs),
    callers: (span: Span) =>
      all.map(({ caller, kind, lane, services }) => ({
        ...trafficIn([lane.log], span),
        ...caller,
        connections: kind,
        services: [...services],
        ratePerSecond: laneRate,
      })),
    failed: (span: Span, most: number) =>
      all
        .flatMap(({ caller, kind, lane }) =>
          lane.log.failed(span).map(({ intendedMs, latencyUs, cause = '' }) => ({
            atMs: intendedMs,
            waitedMs: latencyUs / 1e3,
            caller: caller.name,
            connections: kind,
            cause,
          })),
        )
        .sort((a, b) => a.atMs + a.waitedMs - b.atMs - b.waitedMs)
        .slice(0, most),
    startMeter: () => startMeter(client, namespaces),
    startProof: async () => {
      const before = await readInbound(client, namespace, called)
      return {
        end: async () =>
          carriedBetween(before, await readInbound(client, namespace, called), fresh),
      }
    },
    steady: (stopped: AbortSignal) => untilSteady(logs, ratePerSecond, stopped),
    quiet: (stopped: AbortSignal) => untilQuiet(client, namespace, stopped),
    notCalled: reached.flatMap(({ caller, refused }) =>
      refused.map(
        ({ service, cause }) => `${caller.name} does not call ${service}: ${cause} today`,
      ),
    ),
    assertCarries: (span: Span) => assertCarries(latencyIn(logs, span), ratePerSecond),
    faults: () => {
      const times = lanes.reduce((sum, lane) => sum + lane.broken(), 0)
      return times === 0
        ? []
        : [`the load broke off ${times} times; what was under way then is not counted`]
    },
    stop: async () => {
      signal.removeEventListener('abort', stopNow)
      await Promise.all(lanes.map((lane) => lane.stop().catch(() => undefined)))
    },
    broken,
  }
}

function nobodyMayCall(
  reached: readonly (Reachable & { readonly caller: Caller })[],
): HarnessError {
  const all = reached.flatMap(({ caller, refused }) =>
    refused.map(({ service, cause }) => `${caller.name} to ${service}: ${cause}`),
  )
  return new HarnessError(
    'load-failed',
    `no caller gets an answer: ${all.slice(0, 6).join('; ')}`,
    {
      hint: 'the policies refuse every caller of a rehearsal; it can only show what somebody may call',
      exitCode: 5,
    },
  )
}

async function untilAllBegan(logs: readonly LaneLog[], signal: AbortSignal): Promise<void> {
  while (!logs.every((log) => log.hasBegun)) await sleep(beginPollMs, undefined, { signal })
}

/** Proxies that are still warming up let requests queue; a namespace that never keeps up is told later. */
const steadyDeadlineMs = 30_000
const steadyMedianUs = 250_000
const lookBackMs = 2_000

/** Resolves once nearly everything that was due two seconds ago has been answered, and soon. */
async function untilSteady(
  logs: readonly LaneLog[],
  ratePerSecond: number,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + steadyDeadlineMs
  while (performance.now() < deadlineMs) {
    await sleep(quietPollMs, undefined, { signal })
    const toMs = Date.now() - lookBackMs
    const { n, p50 } = latencyIn(logs, { fromMs: toMs - 1_000, toMs })
    if (n > 0.9 * ratePerSecond && (p50 ?? 0) < steadyMedianUs) return
  }
}

/** A takeover that does not end is told by its figures; nobody waits for it forever. */
async function untilQuiet(
  client: ClusterClient,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + quietDeadlineMs
  while (performance.now() < deadlineMs) {
    const pods = await client.list<Pod>(podKind, { namespace })
    const moving = pods.some(({ metadata }) =>
      passing.has(metadata.annotations?.[meshAnnotations.takeover] ?? ''),
    )
    if (!moving) return
    await sleep(quietPollMs, undefined, { signal })
  }
}

/** A queue that grows tells of itself, not of a migration. */
const longestMedianUs = 1_000_000

function assertCarries({ n, p50 }: LatencyFigures, ratePerSecond: number): void {
  if (n > 0 && (p50 ?? 0) < longestMedianUs) return
  const waited =
    p50 === null
      ? 'nothing was answered in time'
      : `half the answers took over ${Math.round(p50 / 1e6)} s`
  throw new HarnessError(
    'load-not-carried',
    `the namespace does not carry ${ratePerSecond} requests per second on this machine: ${waited} before anything was changed`,
    {
      hint: `try --rate ${Math.max(1, Math.floor(ratePerSecond / 4))}, or a machine with more cores`,
      exitCode: 3,
    },
  )
}
