// A/A comparisons and planted differences, judged by the statistics of a report.
import { nothingMeasured, recordRun } from '../../dist/harness/experiment/record.js'
import { analyse } from '../../dist/reports/analyse.js'
import { measure, plan } from './bench.mjs'

export const judged = { cpu: 'appCpuMsPerThousand', p50: 'latencyP50Ms', p99: 'latencyP99Ms' }
const roundsPerRun = 6

/** The verdict per metric for two sets of windows, under the labels of two modes. */
function compare(base, other, seed) {
  const options = {
    command: [],
    workload: 'accuracy',
    modes: ['sidecar', 'ambient'],
    model: 'open',
    ratePerSecond: plan.ratePerSecond,
    arrivals: 'jittered',
    connections: plan.connections,
    keepAlive: true,
    requestBytes: 0,
    responseBytes: 1,
    durationMs: 1,
    warmupMs: 0,
    rounds: roundsPerRun,
    replicas: 1,
    timeoutMs: 1,
    seed,
    quick: false,
  }
  const measured = nothingMeasured(options)
  const numbered = (windows) => windows.map((window, index) => ({ ...window, round: index + 1 }))
  measured.modes.get('sidecar').windows.push(...numbered(base))
  measured.modes.get('ambient').windows.push(...numbered(other))
  const facts = { runId: 'accuracy', startedAtMs: 0, tool: {}, options, environment: {} }
  const { comparisons } = analyse(recordRun(facts, measured, { status: 'complete' }))
  return Object.fromEntries(
    Object.entries(judged).map(([name, metric]) => [
      name,
      comparisons.find((found) => found.metric === metric && found.other === 'ambient')?.verdict,
    ]),
  )
}

const differs = (verdict) => verdict === 'less' || verdict === 'more'

/** Runs of six interleaved rounds: A, A again on another process, A with more CPU, A with more delay. */
export async function detection(generator, servers, { runs, windowMs }) {
  const work = { kind: 'work', us: 100, blockedMs: 0 }
  for (const server of Object.values(servers)) {
    await server.behave(work)
  }
  const asked = { windowMs, warmupMs: 150 }
  for (const service of Object.keys(servers)) {
    await generator.load({ ...asked, service, model: 'closed', windowMs: 1_000 })
  }
  const calibration = await measure(generator, servers.a, { ...asked, service: 'a' }, 1, 'sidecar')
  const usPerRequest = calibration.cpu.app.usPerRequest
  await servers.cpu.behave({ ...work, us: work.us + usPerRequest * 0.1 })
  await servers.delay.behave({ ...work, blockedMs: 0.3 })
  const found = { aa: [], cpu: [], delay: [] }
  const pool = []
  for (let run = 0; run < runs; run++) {
    const windows = { a: [], b: [], cpu: [], delay: [] }
    for (let round = 1; round <= roundsPerRun; round++) {
      const order = Object.keys(servers).sort(() => Math.random() - 0.5)
      for (const service of order) {
        const seed = run * roundsPerRun + round
        windows[service].push(
          await measure(generator, servers[service], { ...asked, service, seed }, round, 'sidecar'),
        )
      }
    }
    pool.push(...windows.a, ...windows.b)
    found.aa.push(compare(windows.a, windows.b, run))
    found.cpu.push(compare(windows.a, windows.cpu, run))
    found.delay.push(compare(windows.a, windows.delay, run))
  }
  const invalid = pool.filter(({ findings }) =>
    findings.some(({ severity }) => severity === 'error'),
  )
  return {
    usPerRequest,
    windows: pool.length,
    invalidWindows: invalid.length,
    realAa: countAlarms(found.aa),
    resampledAa: resampled(pool),
    plantedCpu: found.cpu.filter(({ cpu }) => cpu === 'more').length,
    plantedDelay: found.delay.filter(({ p50 }) => p50 === 'more').length,
    runs,
  }
}

function countAlarms(verdicts) {
  const alarms = (name) => verdicts.filter((verdict) => differs(verdict[name])).length
  return { n: verdicts.length, cpu: alarms('cpu'), p50: alarms('p50'), p99: alarms('p99') }
}

/** Two disjoint draws of real windows of the same server, a hundred times over. */
function resampled(pool) {
  const verdicts = Array.from({ length: 100 }, (_, seed) => {
    const order = pool
      .map((window) => ({ window, at: Math.random() }))
      .sort((x, y) => x.at - y.at)
      .map(({ window }) => window)
    return compare(order.slice(0, roundsPerRun), order.slice(roundsPerRun, 2 * roundsPerRun), seed)
  })
  return countAlarms(verdicts)
}
