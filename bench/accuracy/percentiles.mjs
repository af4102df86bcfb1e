// Reported percentiles against what the server really did, as they are: loopback, parsing and a late
// generator are part of the error.
import { measure } from './bench.mjs'

const shares = { p50: 0.5, p90: 0.9, p99: 0.99 }
const within = (reported, truth) => Math.abs(reported - truth) <= Math.max(100, truth * 0.02)

const quantile = (values, p) => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)]
}

const cases = [
  { name: 'constant 20 ms', behave: { kind: 'constant', ms: 20 } },
  { name: 'exponential, mean 20 ms', behave: { kind: 'exponential', ms: 20 } },
  {
    name: 'bimodal 10 ms, 5 % 80 ms',
    behave: { kind: 'bimodal', ms: 10, slowMs: 80, slowShare: 0.05 },
  },
]

export async function percentiles(generator, server, windowMs) {
  const rows = []
  // Connections to spare: waiting for one is no part of what the server knows.
  const asked = { service: 'a', connections: 128, ratePerSecond: 400, warmupMs: 500 }
  for (const { name, behave } of cases) {
    await server.behave(behave)
    await generator.load({ ...asked, windowMs: 500 })
    server.reset()
    const window = await measure(
      generator,
      server,
      { ...asked, windowMs, warmupMs: 0 },
      1,
      'baseline',
    )
    const { tookUs } = await server.tell()
    for (const [percentile, p] of Object.entries(shares)) {
      const truth = quantile(tookUs, p)
      const service = window.serviceTimeUs[percentile]
      const reported = window.latencyUs[percentile]
      rows.push({
        name,
        percentile,
        truthUs: truth,
        reportedUs: reported,
        errorUs: reported - truth,
        ok: within(reported, truth),
        serviceErrorUs: service - truth,
        serviceOk: within(service, truth),
        lagUsP99: window.generator.lagUsP99,
      })
    }
  }
  return rows
}

/**
 * A server that stands still: a request due meanwhile waits for the rest of the stall, which an open
 * loop has to show and a generator that waits for answers would not. The truth is computed from the
 * stalls the server kept and the evenly spaced arrivals; slow enough that the backlog is done at once.
 */
export async function stalls(generator, server) {
  const [ratePerSecond, windowMs] = [100, 10_000]
  await server.behave({ kind: 'constant', ms: 0 })
  const asked = { service: 'a', connections: 128, ratePerSecond, arrivals: 'uniform' }
  await generator.load({ ...asked, windowMs: 1_000 })
  await server.behave({ kind: 'stalls', ms: 200, everyMs: 1_000 })
  server.reset()
  const window = await measure(
    generator,
    server,
    { ...asked, warmupMs: 0, windowMs },
    1,
    'baseline',
  )
  const { stallsMs } = await server.tell()
  await server.behave({ kind: 'constant', ms: 0 })
  const startMs = Date.parse(window.startedAt)
  const waitsUs = Array.from({ length: window.arrivals }, (_, index) => {
    const atMs = startMs + (index * 1e3) / ratePerSecond
    const stall = stallsMs.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs)
    return stall === undefined ? 0 : (stall.toMs - atMs) * 1e3
  })
  return Object.entries({ p90: 0.9, p95: 0.95, p99: 0.99 }).map(([percentile, p]) => {
    const truth = quantile(waitsUs, p)
    const reported = window.latencyUs[percentile]
    return {
      name: 'stalls of 200 ms every second',
      percentile,
      truthUs: truth,
      reportedUs: reported,
      errorUs: reported - truth,
      ok: within(reported, truth),
      lagUsP99: window.generator.lagUsP99,
    }
  })
}
