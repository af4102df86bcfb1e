// Proves the instrument, on loopback, in about five minutes (a third of it with --quick):
//   npm run bench:accuracy [-- --quick] [-- --json] [-- --only percentiles,detection,saturation]
// - percentiles against servers with known delays: within 2 % or 100 µs of what the server really did
// - stalls of 200 ms as an open loop has to show them
// - A/A: two equal servers, interleaved (real), and 100 comparisons of disjoint draws from all of
//   their windows (resampled); at most 5 % may claim a difference
// - a planted 10 % of CPU per request and a planted 0.3 ms: found in at least 9 of 10 runs of 6 rounds
// - saturation throughput within 10 % of wrk's, where wrk is installed
// Exit code 1 when something missed its mark: on a busy machine that is the machine's, see the lag.
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { startGenerator, startServer } from './accuracy/bench.mjs'
import { detection } from './accuracy/detection.mjs'
import { percentiles, stalls } from './accuracy/percentiles.mjs'
import { saturation } from './accuracy/saturation.mjs'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: 'percentiles,detection,saturation' },
  },
})
const wanted = options.only.split(',')
const say = options.json ? console.error : console.log
const loadBefore = loadavg()[0]

const servers = {
  a: await startServer(),
  b: await startServer(),
  cpu: await startServer(),
  delay: await startServer(),
}
const generator = await startGenerator(servers)
const report = { node: process.version, loadBefore, checks: [] }
const check = (name, found, wantedText, ok) => {
  report.checks.push({ name, found, wanted: wantedText, ok })
  say(`${ok ? 'ok    ' : 'MISSED'}  ${name.padEnd(42)}  ${found.padEnd(46)}  ${wantedText}`)
}
const us = (value) => `${Math.round(value).toLocaleString('en')} µs`

try {
  if (wanted.includes('percentiles')) {
    const windowMs = options.quick ? 3_000 : 10_000
    report.percentiles = [
      ...(await percentiles(generator, servers.a, windowMs)),
      ...(await stalls(generator, servers.a)),
    ]
    for (const row of report.percentiles) {
      const found = `${us(row.reportedUs)}, truth ${us(row.truthUs)}, lag p99 ${us(row.lagUsP99)}`
      check(`${row.name}, ${row.percentile}`, found, '2 % or 100 µs', row.ok)
    }
  }
  if (wanted.includes('detection')) {
    const runs = options.quick ? 3 : 10
    const found = await detection(generator, servers, { runs, windowMs: options.quick ? 500 : 700 })
    report.detection = found
    const least = Math.ceil(runs * 0.9)
    for (const metric of ['cpu', 'p50', 'p99']) {
      const { realAa, resampledAa } = found
      const real = `real ${realAa[metric]} of ${realAa.n}`
      const drawn = `resampled ${resampledAa[metric]} of ${resampledAa.n}`
      check(
        `A/A alarms, ${metric}`,
        `${real}, ${drawn}`,
        'resampled at most 5',
        resampledAa[metric] <= 5,
      )
    }
    const planted = `of ${runs} runs of 6 rounds`
    check(
      'planted 10 % CPU found',
      `${found.plantedCpu} ${planted}`,
      `at least ${least}`,
      found.plantedCpu >= least,
    )
    check(
      'planted 0.3 ms found',
      `${found.plantedDelay} ${planted}`,
      `at least ${least}`,
      found.plantedDelay >= least,
    )
    say(
      `        ${found.invalidWindows} of ${found.windows} A windows were invalid by the instrument's own rules`,
    )
  }
  if (wanted.includes('saturation')) {
    const found = await saturation(generator, servers.a, options.quick ? 2 : 4)
    report.saturation = found
    if (found === null) say('skipped saturation: wrk is not installed')
    else {
      const said = `${found.ownRate.toFixed(0)}/s, wrk ${found.wrkRate.toFixed(0)}/s`
      check('saturation against wrk', said, 'within 10 %', found.ok)
    }
  }
} finally {
  generator.stop()
  for (const server of Object.values(servers)) server.stop()
}
report.loadAfter = loadavg()[0]
say(
  `node ${process.version}, load average ${loadBefore.toFixed(2)} before, ${report.loadAfter.toFixed(2)} after`,
)
if (options.json) console.log(JSON.stringify(report, null, 2))
process.exitCode = report.checks.every(({ ok }) => ok) ? 0 : 1
