// The recorder on a virtual clock: arrivals of the real schedule, delays that are known to the
// microsecond, no socket, no process. What is left is the arithmetic: intended starts, histogram, ranks.
import { arrivalTimes } from '../../dist/harness/load/arrivals.js'
import { LoadRecord } from '../../dist/harness/load/record.js'
import { seededRandom } from '../../dist/harness/schedule/random.js'
import { shares, within } from './oracle.mjs'

const requests = 20_000
const ratePerSecond = 400

/** Every quantile of the distribution once, in random order: the percentiles are known in closed form. */
function drawn(quantileMs) {
  const random = seededRandom(7)
  const delays = Array.from({ length: requests }, (_, index) =>
    quantileMs((index + 0.5) / requests),
  )
  return delays
    .map((ms) => ({ ms, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ ms }) => ms)
}

const distributions = {
  'constant 20 ms': () => 20,
  'exponential, mean 20 ms': (p) => -Math.log(1 - p) * 20,
  'bimodal 10 ms, 20 % 80 ms': (p) => (p < 0.8 ? 10 : 80),
}

function record(pattern, answerMs) {
  const plan = { model: 'open', windowMs: (requests / ratePerSecond) * 1e3 }
  const kept = new LoadRecord(plan)
  const next = arrivalTimes(pattern)
  for (let index = 0; index < requests; index++) {
    const intendedUs = next()
    // Sent late by up to 3 ms, as on a busy machine: that is part of latency, not of service time.
    const sentUs = intendedUs + (index % 4) * 1e3
    const request = { intendedUs, dueUs: sentUs, sentUs, measured: true }
    kept.arrived(request)
    kept.settled(request, 'ok', answerMs(intendedUs / 1e3, index) * 1e3, 1)
  }
  return kept.finish(plan.windowMs)
}

export function analytic() {
  const rows = []
  const add = (name, load, truthMs) => {
    for (const [percentile, p] of Object.entries(shares)) {
      const [truthUs, reportedUs] = [truthMs(p) * 1e3, load.latencyUs[percentile]]
      const ok = within(reportedUs, truthUs)
      rows.push({ name, percentile, truthUs, reportedUs, errorUs: reportedUs - truthUs, ok })
    }
  }
  for (const [name, quantileMs] of Object.entries(distributions)) {
    const delays = drawn(quantileMs)
    const pattern = { ratePerSecond, arrivals: 'jittered', seed: 3 }
    add(
      name,
      record(pattern, (atMs, index) => atMs + delays[index]),
      quantileMs,
    )
  }
  // Answered at once, or when the stall of 200 ms that begins every second is over.
  const stalled = (atMs) => (atMs % 1e3 < 200 ? atMs - (atMs % 1e3) + 200 : atMs)
  add(
    'stalls of 200 ms every second',
    record({ ratePerSecond, arrivals: 'uniform', seed: 3 }, stalled),
    (p) => Math.max(0, 200 - (1 - p) * 1e3),
  )
  return rows
}
