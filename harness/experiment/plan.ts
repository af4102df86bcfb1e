import type { LoadPlan } from '../load/protocol.ts'
import type { RunOptions } from '../result/schema.ts'
import { sliceMs } from '../steady/watch.ts'

/** The same arrivals for every mode of a round: what differs between them is the mesh alone. */
export function planWindow(options: RunOptions, entry: string, round: number): LoadPlan {
  return {
    service: entry,
    path: '/',
    method: options.requestBytes > 0 ? 'POST' : 'GET',
    requestBytes: options.requestBytes,
    headers: {},
    model: options.model,
    ratePerSecond: options.ratePerSecond ?? 0,
    arrivals: options.arrivals,
    connections: options.connections,
    keepAlive: options.keepAlive,
    timeoutMs: options.timeoutMs,
    ...warmUp(options),
    windowMs: options.durationMs,
    seed: (options.seed + round) >>> 0,
  }
}

/** Watched, and ended when it is steady, where there is time to choose. */
function warmUp({ warmupMs, warmupMaxMs = 0 }: RunOptions) {
  if (warmupMaxMs <= warmupMs) return { warmupMs }
  return { warmupMs: warmupMaxMs, warmUpPointMs: sliceMs }
}

const primingConnections = 8
const primingSliceMs = 1_000

/** One slice of load nobody measures, as fast as answers come. */
export function planPriming(options: RunOptions, entry: string): LoadPlan {
  return {
    ...planWindow(options, entry, 0),
    model: 'closed',
    connections: Math.min(options.connections, primingConnections),
    warmupMs: 0,
    warmUpPointMs: undefined,
    // Whoever asks for very short windows is not after precision.
    windowMs: Math.min(primingSliceMs, options.durationMs),
  }
}
