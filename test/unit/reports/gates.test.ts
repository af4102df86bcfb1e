import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Mode } from '../../../harness/modes.ts'
import type { GateOutcome } from '../../../harness/result/gates.ts'
import { type Result, result as schema, type Window } from '../../../harness/result/schema.ts'
import { analyse } from '../../../reports/analyse.ts'
import { githubAnnotations } from '../../../reports/gates/annotations.ts'
import { type Baseline, keptRuns, withRun } from '../../../reports/gates/baseline.ts'
import { checkGates } from '../../../reports/gates/check.ts'
import { confirmed } from '../../../reports/gates/confirm.ts'
import { gatesJunit } from '../../../reports/gates/junit.ts'
import { stepSummary } from '../../../reports/gates/markdown.ts'
import { gateMetricNames } from '../../../reports/gates/metric.ts'
import { gatesFile, gatesJsonSchema } from '../../../reports/gates/rules.ts'
import { gatesTerminal } from '../../../reports/gates/terminal.ts'
import { reportHtml } from '../../../reports/html/report.ts'
import { summaryMarkdown } from '../../../reports/markdown/summary.ts'
import { plain } from '../../../reports/terminal/paint.ts'
import { terminalSummary } from '../../../reports/terminal/summary.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { makeResult } from '../../fixtures/result.ts'

/** A run whose p99 in ambient is what the test says, window by window, in ms. */
function withP99(values: readonly number[], seed = 7): Result {
  const change = (window: Window, mode: Mode): Window =>
    mode !== 'ambient'
      ? window
      : {
          ...window,
          latencyUs: { ...window.latencyUs, p99: 1000 * (values[window.round - 1] ?? 0) },
        }
  const made = makeResult({
    rounds: values.length,
    seed,
    modes: ['baseline', 'sidecar', 'ambient'],
    change,
  })
  return analyse({ ...made, runId: `run-${seed}` })
}

interface Around {
  readonly saved?: Baseline | null
}

function check(result: Result, rule: Record<string, unknown>, { saved = null }: Around = {}) {
  const gates = gatesFile.parse({ rules: [{ metric: 'latencyP99Ms', mode: 'ambient', ...rule }] })
  const report = checkGates(result, gates, {
    file: 'gates.yaml',
    baseline: { path: 'baseline.json', saved },
  })
  const outcome = report.outcomes[0] as GateOutcome
  return { report, ...outcome, overall: report.verdict }
}

const steady = withP99([5, 5.1, 5.2, 5.1, 5, 5.2])

test('a limit is passed, kept, or passed by the estimate alone, which only warns', () => {
  assert.deepEqual(check(steady, { max: 6 }).verdict, 'pass')
  assert.deepEqual(check(steady, { max: '4 ms' }).verdict, 'fail')
  const unsure = check(withP99([4, 5.1, 6, 5.2, 4.1, 6.2]), { max: 5 })
  assert.equal(unsure.verdict, 'warn')
  assert.equal(unsure.reason, 'limit-passed-but-unsure')
  assert.equal(unsure.overall, 'warn')
  assert.deepEqual(unsure.values, [4, 5.1, 6, 5.2, 4.1, 6.2])
})

test('min is the mirror image of max', () => {
  assert.equal(check(steady, { min: 4 }).verdict, 'pass')
  assert.equal(check(steady, { min: 6 }).verdict, 'fail')
})

test('a rule of level warn never fails the run, one that is off is not looked at', () => {
  const warned = check(steady, { max: 4, level: 'warn' })
  assert.deepEqual([warned.verdict, warned.overall], ['warn', 'warn'])
  const off = check(steady, { max: 4, level: 'off' })
  assert.deepEqual([off.verdict, off.overall], ['off', 'pass'])
})

test('a saving is demanded by a negative percentage of the named base', () => {
  const rule = { metric: 'proxyCpuMsPerThousand', against: 'sidecar' }
  const kept = check(steady, { ...rule, max: '-20 %' })
  assert.equal(kept.verdict, 'pass')
  assert.match(kept.found, /^17\d ms\/1k req against 4\d\d, -5\d\.\d % \[-/)
  assert.equal(check(steady, { ...rule, max: '-80 %' }).verdict, 'fail')
})

test('beside a percentage stands a floor: a large share of very little does not fail', () => {
  const rule = { against: 'sidecar', max: '1 %' }
  const sidecar = steady.modes.sidecar?.summary.latencyP99Ms?.value ?? 0
  assert.ok(sidecar > 4 && sidecar < 5, `${sidecar} ms`)
  assert.equal(check(steady, { ...rule, floor: 0.01 }).verdict, 'fail')
  assert.equal(check(steady, { ...rule, floor: 2 }).verdict, 'pass')
})

test('worst looks at every window, without regard to the others', () => {
  const one = withP99([5, 5, 5, 5, 5, 40])
  assert.equal(check(one, { max: 10 }).verdict, 'pass')
  const worst = check(one, { max: 10, use: 'worst' })
  assert.deepEqual([worst.verdict, worst.value], ['fail', 40])
})

test('any number of a window can be gated by its path', () => {
  for (const path of ['latencyUs.p95', 'cpu.ztunnel.usPerRequest', 'memory.ztunnel.rssBytes']) {
    assert.ok(gateMetricNames.includes(path), path)
  }
  const found = check(steady, { metric: 'cpu.ztunnel.usPerRequest', max: '300 us' })
  assert.deepEqual([found.verdict, found.unit, found.values.length], ['pass', 'us', 6])
  assert.equal(check(steady, { metric: 'outcomes.timeout', max: 0 }).verdict, 'pass')
})

const notJudged: readonly [string, Result, Record<string, unknown>, string, string][] = [
  ['a mode', withP99([5, 5, 5]), { mode: 'waypoint', max: 5 }, 'mode-missing', 'inconclusive'],
  [
    'a metric',
    withP99([5, 5, 5]),
    { metric: 'cpu.waypoint.cores', max: 5 },
    'metric-missing',
    'inconclusive',
  ],
  ['windows', withP99([5, 5]), { max: 9 }, 'too-few-windows', 'inconclusive'],
  ['a baseline', steady, { against: 'saved', max: '5 %' }, 'baseline-missing', 'baseline-missing'],
  [
    'a base that is not 0',
    steady,
    { metric: 'proxyPssMiB', against: 'baseline', max: '5 %' },
    'base-is-zero',
    'inconclusive',
  ],
  [
    'a valid run',
    { ...steady, validity: { verdict: 'invalid', findings: [] } },
    { max: 9 },
    'run-not-valid',
    'inconclusive',
  ],
  [
    'a whole run',
    { ...steady, status: 'interrupted' },
    { max: 9 },
    'run-not-valid',
    'inconclusive',
  ],
]
for (const [what, result, rule, reason, overall] of notJudged) {
  test(`without ${what} a rule is not judged, and that is no pass`, () => {
    const found = check(result, rule)
    assert.deepEqual(
      [found.verdict, found.reason, found.overall],
      ['inconclusive', reason, overall],
    )
    assert.notEqual(found.explanation, '')
  })
}

/** Runs whose p99 lies around the given centres, each of six windows. */
function savedRuns(centres: readonly number[]): Baseline {
  const saved = centres.reduce<Baseline | null>((before, centre, index) => {
    const values = [0, 0.05, -0.05, 0.1, -0.1, 0].map((offset) => centre + offset)
    return withRun(before, withP99(values, 100 + index))
  }, null)
  assert.ok(saved !== null)
  return saved
}

test('against saved runs a run fails that lies beyond what runs differ among themselves', () => {
  const rule = { against: 'saved', max: '5 %' }
  const close = savedRuns([5, 5.05, 4.95, 5.1, 5])
  assert.equal(check(steady, rule, { saved: close }).verdict, 'pass')
  const slow = withP99([6, 6.1, 6.2, 6.1, 6, 6.2])
  const failed = check(slow, rule, { saved: close })
  assert.equal(failed.verdict, 'fail')
  assert.equal(failed.baseValues.length, 5)
  const wide = savedRuns([4, 6, 5, 6.2, 4.2])
  assert.equal(check(slow, rule, { saved: wide }).verdict, 'warn')
})

test('other hardware or another load rules out saved runs, other software is only named', () => {
  const saved = savedRuns([5, 5, 5])
  const rule = { against: 'saved', max: '5 %' }
  const moved = { ...steady, environment: { ...steady.environment, cores: 4 } }
  const barred = check(moved, rule, { saved })
  assert.deepEqual([barred.verdict, barred.reason], ['inconclusive', 'baseline-not-comparable'])
  assert.equal(barred.explanation, 'cores: 4 here, 8 in the baseline')
  assert.equal(check(moved, { max: 9 }, { saved }).verdict, 'pass', 'absolute rules still count')
  const busier = { ...steady, options: { ...steady.options, ratePerSecond: 800 } }
  assert.equal(check(busier, rule, { saved }).reason, 'baseline-not-comparable')
  const updated = { ...steady, environment: { ...steady.environment, node: 'v24.0.0' } }
  const found = check(updated, rule, { saved })
  assert.equal(found.verdict, 'pass')
  assert.match(found.report.notes.join(), /node: v24\.0\.0 here, v20\.20\.2 in the baseline/)
})

test('a saved load that is not the usual one is another load for a usual run', () => {
  const rule = { against: 'saved', max: '5 %' }
  for (const special of [{ sameNode: true as const }, { workloadsPerNode: 4 }]) {
    const options = { ...steady.options, ...special }
    const saved = withRun(null, { ...steady, options, runId: 'saved' })
    assert.equal(check(steady, rule, { saved }).reason, 'baseline-not-comparable')
    assert.notEqual(check({ ...steady, options }, rule, { saved }).verdict, 'inconclusive')
  }
  const usual = withRun(null, { ...steady, runId: 'saved' })
  const said = { ...steady, options: { ...steady.options, workloadsPerNode: 1 } }
  assert.notEqual(check(said, rule, { saved: usual }).verdict, 'inconclusive')
})

test('memory is not judged against runs of other modes, beside which it differs', () => {
  const saved = savedRuns([5, 5, 5])
  const { waypoint: _, baseline: __, ...modes } = steady.modes
  const fewer = { ...steady, modes }
  const rule = { metric: 'proxyPssMiB', against: 'saved', max: '5 %' }
  assert.equal(check(steady, rule, { saved }).verdict, 'pass')
  const found = check(fewer, rule, { saved })
  assert.deepEqual([found.verdict, found.reason], ['inconclusive', 'baseline-not-comparable'])
  assert.match(found.explanation, /: ambient, sidecar here, ambient, baseline, sidecar in the base/)
  const cpu = { ...rule, metric: 'proxyCpuMsPerThousand' }
  assert.equal(check(fewer, cpu, { saved }).verdict, 'pass')
})

test('few saved runs are named as such, and a run is never compared with itself', () => {
  const rule = { against: 'saved', max: '5 %' }
  const one = check(steady, rule, { saved: savedRuns([5]) })
  assert.match(one.report.notes.join(), /the baseline has 1 run: .* save at least 3/)
  const itself = check(steady, rule, { saved: withRun(null, steady) })
  assert.equal(itself.reason, 'baseline-missing')
})

test('a baseline keeps the newest runs, each once', () => {
  let saved: Baseline | null = null
  for (let index = 0; index < keptRuns + 3; index += 1) {
    const run = withP99([5, 5, 5], 200 + index)
    const startedAt = new Date(Date.UTC(2026, 0, 1 + index)).toISOString()
    saved = withRun(withRun(saved, { ...run, startedAt }), { ...run, startedAt })
  }
  assert.equal(saved?.runs.length, keptRuns)
  assert.equal(saved?.runs[0]?.runId, 'run-203')
})

const gated = checkGates(
  steady,
  gatesFile.parse({
    rules: [
      { name: 'p99 <b>&"', metric: 'latencyP99Ms', mode: 'ambient', max: 4 },
      { metric: 'latencyP99Ms', mode: 'ambient', max: 6 },
      { metric: 'latencyP99Ms', mode: 'ambient', against: 'saved', max: '5 %' },
      { metric: 'latencyP99Ms', mode: 'waypoint', max: 6, level: 'warn' },
      { metric: 'achievedRate', mode: 'ambient', min: 390, level: 'off' },
    ],
  }),
  { file: 'gates.yaml', lines: [2, 5, 8, 12, 16] },
)

test('the documents of a check are the ones that were read and agreed to', () => {
  assertGolden('gates.txt', gatesTerminal(gated, plain))
  assertGolden('gates.xml', gatesJunit(gated, steady))
  assertGolden('gates.md', stepSummary(gated, 'chain'))
  assertGolden('gates-annotations.txt', githubAnnotations(gated).join('\n'))
})

test('verdicts of a run go into its result and all its documents', async () => {
  const record = schema.parse({ ...steady, gates: gated })
  assert.match(terminalSummary(record), /\ngates +FAIL {2}p99 <b>&": 5\.10 ms/)
  assert.match(summaryMarkdown(record), /\*\*Gates:\*\* 1 failed, 2 not judged, 1 passed, 1 off/)
  const page = await reportHtml(record, { interactive: false })
  assert.match(page, /<section id="gates"/)
  assert.match(page, /p99 &#60;b&#62;&#38;&#34;/)
})

test('the published JSON Schema of gates files is the current one', () => {
  const path = new URL('../../../../meshbench-gates.schema.json', import.meta.url)
  assert.deepEqual(
    JSON.parse(readFileSync(path, 'utf8')),
    JSON.parse(JSON.stringify(gatesJsonSchema())),
    'run node scripts/schema.mjs',
  )
})

test('after measuring again a rule fails only when it failed both times', () => {
  const rule = { metric: 'latencyP99Ms', mode: 'ambient', max: 5.5 }
  const gates = gatesFile.parse({ confirm: 1, rules: [rule, { ...rule, min: 1, max: undefined }] })
  const slow = withP99([6, 6.1, 6.2, 6.1, 6, 6.2])
  const of = (result: Result) => checkGates(result, gates, { file: 'gates.yaml' })
  assert.equal(confirmed(of(slow), of(slow), slow).verdict, 'fail')
  const gone = confirmed(of(slow), of(steady), steady)
  assert.deepEqual(
    [gone.verdict, gone.outcomes[0]?.reason, gone.outcomes[1]?.verdict],
    ['warn', 'not-confirmed', 'pass'],
  )
  const late = confirmed(of(steady), of(slow), slow)
  assert.deepEqual([late.verdict, late.outcomes[0]?.reason], ['warn', 'not-confirmed'])
})
