import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Result } from '../../../harness/result/schema.ts'
import { analyse } from '../../../reports/analyse.ts'
import { historyHtml } from '../../../reports/history/html.ts'
import { seriesOf } from '../../../reports/history/series.ts'
import { makeResult } from '../../fixtures/result.ts'

function run(day: number, p99 = 3): Result {
  const made = makeResult({
    rounds: 3,
    seed: day,
    modes: ['sidecar', 'ambient'],
    change: (window) => ({ ...window, latencyUs: { ...window.latencyUs, p99: 1000 * p99 + day } }),
  })
  const startedAt = new Date(Date.UTC(2026, 10, day)).toISOString()
  return analyse({ ...made, runId: `day-${day}`, startedAt })
}
const runs = [run(3), run(1), run(2), run(4, 9)]

test('runs of another machine or load stand in a series of their own, each in order of time', () => {
  const moved = { ...run(5), environment: { ...run(5).environment, cores: 2 } }
  const series = seriesOf([...runs, moved])
  assert.deepEqual(
    series.map((each) => each.runs.map(({ runId }) => runId)),
    [['day-5'], ['day-1', 'day-2', 'day-3', 'day-4']],
  )
})

test('the page draws a trend per metric and says where the newest run lies', async () => {
  const page = await historyHtml(runs, [{ name: 'broken', reason: 'ends in the middle' }], '0.1.0')
  assert.match(page, /<title>History of 4 runs/)
  assert.match(page, /Latency p99: the newest run is outside all earlier ones \(sidecar higher/)
  assert.match(page, /Left out: 1 run[\s\S]*broken[\s\S]*ends in the middle/)
  assert.doesNotMatch(page, /NaN|Infinity|undefined|could not be shown/)
})

test('a run that is not valid is left out and named', async () => {
  const doubtful: Result = { ...run(6), validity: { verdict: 'invalid', findings: [] } }
  const page = await historyHtml([run(1), doubtful], [], '0.1.0')
  assert.match(page, /History of 1 run</)
  assert.match(page, /<th scope="row">day-6<\/th><td class="word">invalid/)
})
