import type { LoadPlan } from '../load/protocol.ts'
import type { RunOptions } from '../result/schema.ts'

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
    warmupMs: options.warmupMs,
    windowMs: options.durationMs,
    seed: (options.seed + round) >>> 0,
  }
}

/**
 * A first burst nobody measures: it opens what stays open, lets the compiler see the hot paths of every
 * process, and shows at once when a mode cannot serve at all.
 */
const primingMs = 1_500
const primingRatePerSecond = 200

export function planPriming(options: RunOptions, entry: string): LoadPlan {
  return {
    ...planWindow(options, entry, 0),
    model: 'open',
    ratePerSecond: Math.min(options.ratePerSecond ?? primingRatePerSecond, primingRatePerSecond),
    warmupMs: 0,
    windowMs: primingMs,
  }
}
