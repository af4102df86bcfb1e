import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { firstSignal } from '../first-signal.ts'
import { nowUs } from './clock.ts'
import { LoadError } from './errors.ts'
import { type LoadTarget, Pools } from './pools.ts'
import type { LoadEvent, LoadPlan, LoadResult } from './protocol.ts'
import { LoadRecord } from './record.ts'
import { closedLoop, openLoop, type Source } from './source.ts'
import { Trace } from './trace.ts'
import { WarmUp } from './warm-up.ts'

export interface RunPlanOptions {
  /** At least one. */
  readonly targets: readonly LoadTarget[]
  /** Called for every event but `result` and `error`: those are how the promise ends. */
  readonly onEvent: (event: LoadEvent) => void
  /** Fires when the warm-up has lasted long enough. */
  readonly startWindow?: AbortSignal
  /** Fires when the load has lasted long enough: it ends in good order. */
  readonly end?: AbortSignal
  readonly signal: AbortSignal
}

/** The first connections have this long to open before the first request is due. */
const openingMs = 1_000
const openingCheckMs = 5

/** From the decision to start until the first moment of the load. */
const leadInMs = 5

/** A request sent in the window's last moment still has its whole timeout, and the sweep its turn. */
const drainSlackMs = 300

const pointMs = 1_000

/** Carries out one plan. Rejects with LoadError `interrupted` when aborted. */
export async function runPlan(plan: LoadPlan, options: RunPlanOptions): Promise<LoadResult> {
  const failure = new AbortController()
  const load = await prepare(plan, options.targets, (error) => failure.abort(error))
  const { signal, release } = firstSignal([options.signal, failure.signal])
  try {
    return await load.carryOut({ ...options, signal })
  } catch (error) {
    if (failure.signal.aborted) throw failure.signal.reason
    if (signal.aborted) throw new LoadError('interrupted', 'the load was stopped', 'run it again')
    throw error
  } finally {
    release()
    load.stop()
  }
}

interface PreparedLoad {
  carryOut(options: Omit<RunPlanOptions, 'targets'>): Promise<LoadResult>
  stop(): void
}

async function prepare(
  plan: LoadPlan,
  targets: readonly LoadTarget[],
  onError: (error: Error) => void,
): Promise<PreparedLoad> {
  const record = new LoadRecord(plan)
  const warmUp = new WarmUp()
  const edges = { startUs: Infinity, windowUs: Infinity, endUs: Infinity }
  let drained: (() => void) | undefined
  let source: Source | undefined
  let trace: Trace | undefined

  const pool = new Pools(targets, plan, {
    settled: (request, outcome, atUs, bytes, cause) => {
      record.settled(request, outcome, atUs, bytes, cause)
      trace?.settled(request, outcome, atUs, cause)
      if (!request.measured) {
        const fromUs = plan.model === 'open' ? request.intendedUs : request.sentUs
        warmUp.settled(outcome === 'ok', atUs - fromUs)
      }
      if (drained !== undefined && record.outstanding === 0) drained()
    },
    idle: () => source?.connectionIdle(),
    attemptFailed: () => source?.attemptFailed(),
  })
  const isMeasured = (us: number): boolean => us >= edges.windowUs && us < edges.endUs
  const request = (intendedUs: number, dueUs: number) => {
    const made = { intendedUs, dueUs, sentUs: 0, measured: isMeasured(intendedUs) }
    record.arrived(made)
    return made
  }
  const arrive = (intendedUs: number, atUs: number): void => pool.submit(request(intendedUs, atUs))
  const fail = (atUs: number): void =>
    record.settled(request(atUs, atUs), 'connectFailed', atUs, 0, pool.downCause)
  const from =
    plan.model === 'open' ? await openLoop(plan, arrive, onError) : closedLoop(pool, arrive, fail)
  source = from

  const carryOut: PreparedLoad['carryOut'] = async ({ onEvent, startWindow, end, signal }) => {
    if (plan.trace === true)
      trace = new Trace((requests) => onEvent({ event: 'requests', requests }))
    const openingEndsUs = nowUs() + openingMs * 1e3
    while (pool.isOpening && nowUs() < openingEndsUs) {
      await sleep(openingCheckMs, undefined, { signal })
    }
    edges.startUs = nowUs() + leadInMs * 1e3
    edges.windowUs = edges.startUs + plan.warmupMs * 1e3
    const lengthMs = plan.windows === 'continuous' ? Number.POSITIVE_INFINITY : plan.windowMs
    edges.endUs = edges.windowUs + lengthMs * 1e3
    from.start(edges.startUs, edges.endUs)
    onEvent({ event: 'warmup', atMs: Date.now() })
    startWindow?.addEventListener('abort', () => {
      const windowUs = nowUs() + leadInMs * 1e3
      if (windowUs >= edges.windowUs) return
      edges.windowUs = Math.max(windowUs, edges.startUs)
      edges.endUs = edges.windowUs + lengthMs * 1e3
      from.endAt(edges.endUs)
    })

    if (plan.warmUpPointMs !== undefined) {
      await reportWarmUp(plan.warmUpPointMs, edges, warmUp, onEvent, { startWindow, signal })
    }
    await until(edges.windowUs, signal)
    const startedAtMs = Math.round(Date.now() + (edges.windowUs - nowUs()) / 1e3)
    onEvent({ event: 'window-start', atMs: Date.now() })
    const before = ownCost(pool)
    const endNow = (): void => {
      const endUs = nowUs() + leadInMs * 1e3
      if (endUs >= edges.endUs) return
      edges.endUs = endUs
      from.endAt(endUs)
    }
    if (end?.aborted) endNow()
    end?.addEventListener('abort', endNow)
    for (let offsetMs = pointMs; offsetMs < lengthMs; offsetMs += pointMs) {
      const reached = await untilEither(edges.windowUs + offsetMs * 1e3, signal, end)
      if (!reached) break
      const point = record.closePoint(offsetMs)
      onEvent({ event: 'progress', atMs: Date.now(), point })
    }
    if (!(await untilEither(edges.endUs, signal, end))) await until(edges.endUs, signal)
    const durationMs = Math.round((edges.endUs - edges.windowUs) / 1e3)
    from.finish()
    onEvent({ event: 'window-end', atMs: Date.now() })
    const cost = ownCost(pool)
    const outstandingAtEnd = record.outstanding

    if (record.outstanding > 0) {
      const everythingSettled = new Promise<void>((resolve) => {
        drained = resolve
      })
      const limit = sleep(plan.timeoutMs + drainSlackMs, undefined, { signal, ref: false })
      await Promise.race([everythingSettled, limit])
    }
    for (const left of pool.abandon()) {
      record.settled(left, 'unanswered', nowUs(), 0)
      trace?.settled(left, 'unanswered', nowUs())
    }
    trace?.flush()
    const point = record.closePoint(durationMs)
    onEvent({ event: 'progress', atMs: Date.now(), point })
    return {
      startedAtMs,
      startedAtMonotonicUs: edges.windowUs,
      warmupMs: Math.round((edges.windowUs - edges.startUs) / 1e3),
      durationMs,
      ...record.finish(durationMs),
      outstandingAtEnd,
      connections: {
        opened: pool.opened - before.opened,
        closedEarly: pool.closedEarly - before.closedEarly,
      },
      generator: {
        cpuUs: cost.cpuUs - before.cpuUs,
        eventLoopUtilization: performance.eventLoopUtilization(cost.loop, before.loop).utilization,
      },
    }
  }

  return {
    carryOut,
    stop: () => {
      trace?.stop()
      from.stop()
      pool.stop()
    },
  }
}

/** One event per whole slice, until the window is near. */
async function reportWarmUp(
  sliceMs: number,
  edges: { readonly startUs: number; readonly windowUs: number },
  warmUp: WarmUp,
  onEvent: (event: LoadEvent) => void,
  { startWindow, signal }: { readonly startWindow?: AbortSignal; readonly signal: AbortSignal },
): Promise<void> {
  const { signal: either, release } = firstSignal([startWindow, signal])
  try {
    for (let offsetMs = sliceMs; ; offsetMs += sliceMs) {
      const atUs = edges.startUs + offsetMs * 1e3
      if (atUs > edges.windowUs) return
      await until(atUs, either).catch(() => signal.throwIfAborted())
      if (either.aborted) return
      onEvent({ event: 'warmup-point', atMs: Date.now(), point: warmUp.close(offsetMs) })
    }
  } finally {
    release()
  }
}

function ownCost(pool: Pools) {
  const { user, system } = process.cpuUsage()
  return {
    cpuUs: user + system,
    loop: performance.eventLoopUtilization(),
    opened: pool.opened,
    closedEarly: pool.closedEarly,
  }
}

async function until(us: number, signal: AbortSignal): Promise<void> {
  // Timers round down to whole milliseconds and may fire just before.
  for (let leftUs = us - nowUs(); leftUs > 0; leftUs = us - nowUs()) {
    await sleep(Math.max(leftUs / 1e3, 1), undefined, { signal })
  }
}

/** Whether the moment has come; false when `end` fired first. */
async function untilEither(us: number, signal: AbortSignal, end?: AbortSignal): Promise<boolean> {
  if (end === undefined) {
    await until(us, signal)
    return true
  }
  if (end.aborted) return false
  const either = new AbortController()
  const stop = (): void => either.abort()
  signal.addEventListener('abort', stop)
  end.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    await until(us, either.signal)
    return true
  } catch (error) {
    signal.throwIfAborted()
    if (end.aborted) return false
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    end.removeEventListener('abort', stop)
  }
}
