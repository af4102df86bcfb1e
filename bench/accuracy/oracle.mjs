// What a perfect client would have seen: the server's own record of when each answer left, held against
// the moment each request was meant to start. No part of it comes from the instrument but the origin of
// its schedule, so whatever the instrument adds (loopback, its own waiting for a CPU, parsing) is error.
import { arrivalTimes } from '../../dist/harness/load/arrivals.js'

export const shares = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 }
export const within = (reported, truth) => Math.abs(reported - truth) <= Math.max(100, truth * 0.02)

export function quantile(values, p) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]
}

/** The intended starts of a load without warm-up, on the clock of the server's record. */
export function intendedStartsUs(load, pattern) {
  const next = arrivalTimes(pattern)
  return Array.from({ length: load.arrivals }, () => load.startedAtMonotonicUs + next())
}

/**
 * Request k of the server is arrival k: connections are taken in turn, and loopback keeps their order
 * but for moments, which changes no percentile. Refuses when the counts say that it cannot be so.
 */
export function trueLatenciesUs(load, pattern, record) {
  const starts = intendedStartsUs(load, pattern)
  if (record.length !== starts.length) {
    throw new Error(`${starts.length} requests were sent, the server has seen ${record.length}`)
  }
  return starts.map((startUs, index) => record[index].repliedUs - startUs)
}

/** What had passed when the request was read: everything but the answer's way back is in both. */
export function sendDelaysUs(load, pattern, record) {
  return intendedStartsUs(load, pattern).map((startUs, index) => record[index].receivedUs - startUs)
}

/** With evenly spaced arrivals and a server that stands still, waiting is all there is. */
export function stallWaitsUs(load, pattern, stallsUs) {
  return intendedStartsUs(load, pattern).map((atUs) => {
    const stall = stallsUs.find(({ fromUs, toUs }) => fromUs <= atUs && atUs < toUs)
    return stall === undefined ? 0 : stall.toUs - atUs
  })
}
