import type { ClusterClient } from '../../cluster/client/types.ts'
import { runLoad } from '../../harness/experiment/load-stream.ts'
import type { Failures, LoadPlan } from '../../harness/load/protocol.ts'

export interface SoakLoad {
  /** Requests since the last call, answered and failed. */
  take(): { readonly answered: number; readonly failed: number; readonly causes: Failures }
  /** Resolves when this many seconds of load have been reported from now on. */
  seconds(count: number): Promise<void>
  stop(): Promise<void>
}

const recentMs = 2_000

/** One stream of requests from the generator's pod, from the first change to the last. */
export function startLoad(
  client: ClusterClient,
  target: { readonly namespace: string; readonly pod: string; readonly entry: string },
  ratePerSecond: number,
): SoakLoad {
  const { namespace, pod, entry } = target
  const stopping = new AbortController()
  let answered = 0
  let failed = 0
  let causes: Failures = {}
  let lost: Error | undefined
  let waiting: {
    left: number
    readonly resolve: () => void
    readonly reject: (e: Error) => void
  }[] = []
  const plan: LoadPlan = {
    service: entry,
    path: '/',
    method: 'GET',
    requestBytes: 0,
    headers: {},
    model: 'open',
    ratePerSecond,
    arrivals: 'jittered',
    connections: 32,
    // A connection per request goes the way of this moment; the services among themselves keep theirs.
    keepAlive: false,
    timeoutMs: 5_000,
    warmupMs: 0,
    windowMs: recentMs,
    windows: 'continuous',
    seed: 1,
  }
  const done = runLoad(
    client,
    { namespace, pod },
    plan,
    (event) => {
      if (event.event !== 'progress') return
      answered += event.point.ok
      failed += event.point.failed
      if (event.point.failed > 0) causes = { ...causes, ...event.point.recent?.failures }
      for (const waiter of waiting) {
        waiter.left -= 1
        if (waiter.left <= 0) waiter.resolve()
      }
      waiting = waiting.filter(({ left }) => left > 0)
    },
    stopping.signal,
  ).then(
    () => undefined,
    (error: unknown) => {
      if (stopping.signal.aborted) return
      lost = error instanceof Error ? error : new Error(String(error))
      for (const { reject } of waiting) reject(lost)
    },
  )
  return {
    take: () => {
      const taken = { answered, failed, causes }
      answered = 0
      failed = 0
      causes = {}
      return taken
    },
    seconds: (count) =>
      new Promise((resolve, reject) => {
        if (lost) reject(lost)
        else waiting.push({ left: count, resolve, reject })
      }),
    stop: async () => {
      stopping.abort()
      await done
    },
  }
}
