import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sweepSummary } from '../../../cli/sweep/summary.ts'
import type { Sweep } from '../../../harness/result/sweep.ts'
import { sweepFindings } from '../../../reports/cost-model/sweep-findings.ts'
import { sweepChartFiles } from '../../../reports/svg/charts.ts'
import { sweepCharts } from '../../../reports/sweep/charts.ts'
import { sweepHtml } from '../../../reports/sweep/html.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { makeSweep } from '../../fixtures/sweep.ts'

test('a sweep says at which points ambient takes less, and where a waypoint takes that back', () => {
  const found = sweepFindings(makeSweep())
  assert.deepEqual(found, [
    "CPU per request of ambient's proxies against sidecar's: less at rate 100 (-55 %), 300 (-55 %), 1000 (-55 %)",
    "CPU per request of waypoint's proxies against sidecar's: more at rate 100 (+37 %); not told apart at rate 300 (-3 %), 1000 (-3 %)",
  ])
})

test('a figure without an interval has no direction', () => {
  const chart = makeSweep().chart.map((point) => ({ ...point, low: null, high: null }))
  const [ambient] = sweepFindings(makeSweep({ chart }))
  assert.match(ambient ?? '', /not told apart at rate 100/)
})

test('fewer than four windows on a side have no direction, however far apart they are', () => {
  const chart = makeSweep().chart.map((point) => ({ ...point, windows: 3 }))
  const [ambient] = sweepFindings(makeSweep({ chart }))
  assert.match(ambient ?? '', /: too few repeats to tell at rate 100 \(-55 %\)/)
})

test('the summary offers an estimate only where one can be made', () => {
  const files = ['out/sweep.json', 'out/sweep.html']
  const roles = ['sidecar', 'ztunnel', 'waypoint'] as const
  const model = roles.map((role) => ({
    ...{ role, idleCores: 0.001, coresPerConnection: null, usPerRequest: 300, usPerKib: null },
    ...{ processesPerPath: 2, pssBytesPerProcess: 17e6, fitError: 0.1, windows: 12 },
  }))
  const whole = sweepSummary(makeSweep({ model }), files)
  assert.match(whole, /^next {4}meshbench estimate .* --from out\/sweep\.json$/m)
  const nothing = sweepSummary(makeSweep({ model: [] }), files)
  assert.doesNotMatch(nothing, /estimate/)
  assert.match(nothing, /^no costs fitted: too few valid windows$/m)
})

test('every axis is drawn with the figures that depend on it, on a logarithmic axis when it is wide', () => {
  const points: Sweep['points'] = [
    ...makeSweep().points,
    ...[1, 2, 4].map((value) => ({
      ...{ axis: 'workloads-per-node' as const, value, runId: `copies-${value}` },
      ...{ folder: `points/copies-${value}`, verdict: 'valid' as const },
    })),
  ]
  const charts = sweepCharts(makeSweep({ points }))
  assert.deepEqual(
    charts.map(({ id }) => id),
    [
      'rate-cpu',
      'rate-latency-p99',
      'workloads-per-node-cpu',
      'workloads-per-node-memory',
      'workloads-per-node-latency-p99',
    ],
  )
  const [rate, , copies] = charts
  assert.deepEqual(rate?.table.columns, [
    'rate',
    'sidecar, ms per 1,000 requests',
    'ambient, ms per 1,000 requests',
    'waypoint, ms per 1,000 requests',
  ])
  assert.equal(rate?.table.rows.length, 3)
  assert.match(JSON.stringify(rate?.panels[0]?.spec(504)), /rate \(log scale\)/)
  assert.doesNotMatch(JSON.stringify(copies?.panels[0]?.spec(504)), /log scale/)
})

test('the page of a sweep is whole and cannot be injected into', async () => {
  const page = await sweepHtml(makeSweep({ workload: '</script><img src=x onerror=alert(1)>' }))
  assert.doesNotMatch(page, /<img/)
  assert.doesNotMatch(page, /NaN|Infinity|undefined|could not be shown/)
  assert.match(page, /<a href="points\/run-300\/report.html">/)
  const findings = sweepFindings(makeSweep())
  assertGolden('sweep.html', await sweepHtml(makeSweep({ findings })))
})

test('charts of a sweep are files of their own', async () => {
  const files = await sweepChartFiles(makeSweep())
  assert.deepEqual(
    files.map(({ name }) => name),
    ['charts/rate-cpu.svg', 'charts/rate-latency-p99.svg'],
  )
  for (const { content } of files) assert.doesNotMatch(content, /var\(|NaN|undefined/)
})
