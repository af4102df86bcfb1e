// A/A comparisons and planted differences, by windows as long as a default run's and the statistics of
// a report. Every block measures A, A again in another process, A with 10 % more CPU per request and A
// with 0.3 ms more delay once each, in random order.
import { settleRunOptions } from '../../dist/cli/run/settings.js'
import { nothingMeasured, recordRun } from '../../dist/harness/experiment/record.js'
import { analyse } from '../../dist/reports/analyse.js'
import { measure } from './bench.mjs'
import { quantile } from './oracle.mjs'

export const judged = { cpu: 'appCpuMsPerThousand', p50: 'latencyP50Ms', p99: 'latencyP99Ms' }
export const defaults = settleRunOptions({ modes: 'sidecar,ambient' }, [])
const names = ['a', 'b', 'cpu', 'delay']

/** The verdict per metric for two sets of windows, under the labels of two modes. */
function compare(base, other, seed) {
  const options = { ...defaults, rounds: base.length, seed }
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

/** Gives every server its behaviour; the plant is a tenth of what A really costs. */
export async function plant(generator, servers) {
  const work = { kind: 'work', us: 100, blockedMs: 0 }
  for (const [service, server] of Object.entries(servers)) {
    await server.behave(work)
    await generator.load({ service, model: 'closed', windowMs: 2_000 })
  }
  const costs = []
  for (let seed = 1; seed <= 5; seed++) {
    const asked = { ...load('a', seed), windowMs: 2_000, warmupMs: 200 }
    costs.push((await measure(generator, servers.a, asked, 1, 'sidecar')).cpu.app.usPerRequest)
  }
  const usPerRequest = quantile(costs, 0.5)
  await servers.cpu.behave({ ...work, us: work.us + usPerRequest * 0.1 })
  await servers.delay.behave({ ...work, blockedMs: 0.3 })
  return usPerRequest
}

function load(service, seed) {
  const { ratePerSecond, connections, arrivals, durationMs, warmupMs } = defaults
  return { service, ratePerSecond, connections, arrivals, windowMs: durationMs, warmupMs, seed }
}

/** Blocks of one window per server. `lengths` shortens them, which then is no default run any more. */
export async function measureBlocks(generator, servers, count, lengths, onBlock) {
  const blocks = []
  for (let round = 1; round <= count; round++) {
    const block = {}
    const order = names.map((name) => ({ name, at: Math.random() })).sort((x, y) => x.at - y.at)
    for (const { name } of order) {
      const asked = { ...load(name, round), ...lengths }
      block[name] = await measure(generator, servers[name], asked, round, 'sidecar')
    }
    blocks.push(block)
    onBlock(round, count)
  }
  return blocks
}

/** What `runs` comparisons say, each of one run's blocks. */
export function detect(runs) {
  const verdicts = runs.map((blocks, seed) => ({
    cpu: compare(of(blocks, 'a'), of(blocks, 'cpu'), seed).cpu,
    delay: compare(of(blocks, 'a'), of(blocks, 'delay'), seed).p50,
  }))
  return {
    runs: runs.length,
    cpu: verdicts.filter(({ cpu }) => cpu === 'more').length,
    delay: verdicts.filter(({ delay }) => delay === 'more').length,
  }
}

/**
 * Runs that could have been: each takes as many of the measured blocks as a default run has rounds, at
 * random, both sides from the same blocks. They share blocks, so ten of them say less than ten runs.
 */
export function drawRuns(blocks, count) {
  return Array.from({ length: count }, () => pick(blocks, Math.min(defaults.rounds, blocks.length)))
}

/**
 * A hundred A/A comparisons out of real windows: of each block the two windows of equal servers change
 * places or not, by chance. Under "no difference" every such labelling was as likely as the real one.
 */
export function falseAlarms(blocks) {
  const differs = (verdict) => verdict === 'less' || verdict === 'more'
  const verdicts = Array.from({ length: 100 }, (_, seed) => {
    const labelled = pick(blocks, Math.min(defaults.rounds, blocks.length)).map(({ a, b }) =>
      Math.random() < 0.5 ? { a, b } : { a: b, b: a },
    )
    return compare(of(labelled, 'a'), of(labelled, 'b'), seed)
  })
  return Object.fromEntries(
    Object.keys(judged).map((name) => [
      name,
      verdicts.filter((verdict) => differs(verdict[name])).length,
    ]),
  )
}

/**
 * Whether ten rounds on this machine could show the plants at all: the same comparisons with the
 * difference added by arithmetic to windows of equal servers, relabelled at random. What is not found
 * then drowns in the machine's own noise, whatever a server does.
 */
export function resolution(blocks, usPerRequest) {
  const draws = Array.from({ length: 50 }, () =>
    pick(blocks, Math.min(defaults.rounds, blocks.length)).map(({ a, b }) =>
      Math.random() < 0.5 ? { a, b } : { a: b, b: a },
    ),
  )
  const share = (metric, add) => {
    const verdicts = draws.map(
      (drawn, seed) => compare(of(drawn, 'a'), of(drawn, 'b').map(add), seed)[metric],
    )
    return verdicts.filter((verdict) => verdict === 'more').length / verdicts.length
  }
  const more = (window) => {
    const { app } = window.cpu
    const usPerThis = app.usPerRequest + usPerRequest * 0.1
    return { ...window, cpu: { ...window.cpu, app: { ...app, usPerRequest: usPerThis } } }
  }
  const later = (window) => ({
    ...window,
    latencyUs: { ...window.latencyUs, p50: window.latencyUs.p50 + 300 },
  })
  return { cpu: share('cpu', more), delay: share('p50', later) }
}

export function invalidWindows(blocks) {
  return blocks
    .flatMap((block) => Object.values(block))
    .filter(({ findings }) => findings.some(({ severity }) => severity === 'error')).length
}

const of = (blocks, name) => blocks.map((block) => block[name])

function pick(items, count) {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((x, y) => x.at - y.at)
    .slice(0, count)
    .map(({ item }) => item)
}
