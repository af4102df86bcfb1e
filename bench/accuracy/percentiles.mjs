// The real generator over real sockets against what a perfect client would have seen (oracle.mjs).
import { lagP99UsWarning } from '../../dist/harness/validity/thresholds.js'
import { plan } from './bench.mjs'
import { quantile, shares, stallWaitsUs, trueLatenciesUs, within } from './oracle.mjs'

// Connections to spare: waiting for one is no part of what the server knows.
const common = { service: 'a', connections: 128, warmupMs: 0 }
const cases = [
  { name: 'constant 20 ms', behave: { kind: 'constant', ms: 20 } },
  { name: 'exponential, mean 20 ms', behave: { kind: 'exponential', ms: 20 } },
  {
    name: 'bimodal 10 ms, 20 % 80 ms',
    behave: { kind: 'bimodal', ms: 10, slowMs: 80, slowShare: 0.2 },
  },
  {
    name: 'stalls of 200 ms every second',
    behave: { kind: 'stalls', ms: 200, everyMs: 1_000 },
    // Arithmetic takes what waited to be answered at once when the server moves again, but it answers one
    // after another, 40 µs each: twenty of them stay well below the mark. Long enough for a p99.
    pattern: { ratePerSecond: 100, arrivals: 'uniform' },
    timesAsLong: 2,
    shares: { p90: 0.9, p95: 0.95, p99: 0.99 },
  },
]

/**
 * Rows of one percentile each: the middle of several windows, so that one bad moment decides nothing.
 * A window that the instrument itself warns of (generator-late) is measured again, as often as there
 * are windows; where too few without a warning come together, a miss is not judged.
 */
export async function percentiles(generator, server, { windows, windowMs }) {
  const rows = []
  await warm(generator, server)
  for (const { name, behave, pattern, timesAsLong = 1, shares: wanted = shares } of cases) {
    const all = []
    for (let seed = 1; seed <= 2 * windows && trusted(all).length < windows; seed++) {
      const lengthMs = windowMs * timesAsLong
      const asked = { ...plan, ...common, ratePerSecond: 400, ...pattern, windowMs: lengthMs, seed }
      all.push(await measureOnce(generator, server, behave, asked))
    }
    const measured = trusted(all).length > windows / 2 ? trusted(all) : all
    for (const [percentile, p] of Object.entries(wanted)) {
      if (!isGiven(measured, percentile)) continue
      const each = measured.map(({ load, truthUs }) => {
        const truth = quantile(truthUs, p)
        const reported = load.latencyUs[percentile]
        return { truthUs: truth, reportedUs: reported, ok: within(reported, truth) }
      })
      rows.push(summarise(name, percentile, each, measured))
    }
    if (behave.kind === 'stalls') rows.push(...openLoopRows(measured, wanted))
  }
  return rows
}

const trusted = (measured) => measured.filter(({ load }) => load.lagUs.p99 <= lagP99UsWarning)

/** The instrument gives none where too few samples lie beyond it, as in the short windows of --quick. */
const isGiven = (measured, percentile) =>
  measured.every(({ load }) => load.latencyUs[percentile] !== null)

/** Some thousands of answers, as every mode of a run gives before its first window: cold code is slow. */
async function warm(generator, server) {
  await server.behave({ kind: 'constant', ms: 0 })
  await generator.load({ ...plan, ...common, ratePerSecond: 1_000, windowMs: 4_000, seed: 1 })
}

async function measureOnce(generator, server, behave, asked) {
  // Opens the connections; nothing stands still yet.
  await server.behave({ kind: 'constant', ms: 0 })
  await generator.load({ ...asked, windowMs: 500 })
  await server.behave(behave)
  server.reset()
  const load = await generator.load(asked)
  const { record, stallsUs } = await server.tell()
  const truthUs = trueLatenciesUs(load, asked, record)
  return { load, truthUs, waitsUs: stallWaitsUs(load, asked, stallsUs) }
}

/** Against arithmetic too: evenly spaced arrivals that wait for the rest of each stall, nothing else. */
function openLoopRows(measured, wanted) {
  const given = Object.entries(wanted).filter(([percentile]) => isGiven(measured, percentile))
  return given.map(([percentile, p]) => {
    const each = measured.map(({ load, waitsUs }) => {
      const truth = quantile(waitsUs, p)
      const reported = load.latencyUs[percentile]
      return { truthUs: truth, reportedUs: reported, ok: within(reported, truth) }
    })
    return summarise('stalls as an open loop shows them', percentile, each, measured)
  })
}

function summarise(name, percentile, each, measured) {
  const errors = each.map(({ reportedUs, truthUs }) => reportedUs - truthUs)
  const at = middleIndex(errors)
  const { truthUs, reportedUs, ok } = each[at]
  const late = trusted(measured).length < measured.length
  return {
    name,
    percentile,
    truthUs,
    reportedUs,
    errorUs: errors[at],
    worstErrorUs: Math.max(...errors.map(Math.abs)),
    windowsWithin: each.filter((one) => one.ok).length,
    windows: each.length,
    late,
    verdict: ok ? 'ok' : late ? 'not judged' : 'MISSED',
  }
}

/** Of an odd number of windows, the one whose error is neither among the small nor the large ones. */
function middleIndex(errors) {
  const order = errors.map((error, index) => ({ index, size: Math.abs(error) }))
  order.sort((a, b) => a.size - b.size)
  return order[Math.floor((order.length - 1) / 2)].index
}
