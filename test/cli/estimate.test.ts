import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { summariseSweep } from '../../reports/cost-model/sweep.ts'
import { resultWith } from '../support/cost-runs.ts'
import { runCli } from '../support/run-cli.ts'

const cluster = ['estimate', '--pods', '200', '--nodes', '20', '--rps', '5000'] as const
const costs = { idleCores: 0.003, coresPerRps: 0.0002 }

function scratchOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'meshbench-from-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function sweptRates() {
  const swept = [100, 300, 1000].map((value) => ({
    ...{ axis: 'rate' as const, value, folder: `points/${value}` },
    run: resultWith(value, costs),
  }))
  const about = { tool: { name: 'meshbench', version: '1' }, status: 'complete' } as const
  return summariseSweep(swept, { ...about, workload: 'echo' })
}

test('without a result the estimate says that it counts with figures Istio published', async () => {
  const { code, stdout } = await runCli(cluster)
  assert.equal(code, 0)
  assert.match(stdout, /^costs: published by Istio for 1\.24/m)
  assert.match(stdout, /^sidecar +2\.00 +11\.18 +200 sidecars$/m)
  assert.match(stdout, /^ambient +0\.60 +0\.22 +-70 % +-98 % +20 ztunnels$/m)
})

test('with --json it is one document with its source, inputs and break-even', async () => {
  const { stdout } = await runCli([...cluster, '--l7-share', '0', '--json'])
  const found = JSON.parse(stdout) as {
    source: string
    cluster: { waypoints: number }
    modes: { name: string; vcpu: number }[]
    breakEven: object
  }
  assert.equal(found.cluster.waypoints, 0)
  assert.deepEqual(
    found.modes.map(({ name, vcpu }) => [name, vcpu]),
    [
      ['sidecar', 2],
      ['ambient', 0.6],
      ['waypoint', 0.6],
    ],
  )
  assert.ok('l7ShareForCpu' in found.breakEven)
})

test('prices, share and number of waypoints are in the bill', async () => {
  const prices = ['--price-per-vcpu', '25', '--price-per-gib', '3']
  const { stdout } = await runCli([...cluster, '--l7-share', '0.33', ...prices])
  // 2.00 x 25 + 11.18 x 3; 0.6 + 0.33 x 5 x 0.25 vCPU for two waypoints.
  assert.match(stdout, /^sidecar +2\.00 +11\.18 +83\.53 +200 sidecars$/m)
  assert.match(
    stdout,
    /^waypoint +1\.01 +0\.34 +26\.32 +-49 % +-97 % +20 ztunnels, 2 waypoints for 33 % of the requests$/m,
  )
  const more = await runCli([...cluster, '--l7-share', '0.33', '--waypoints', '4', ...prices])
  assert.match(more.stdout, /^waypoint +1\.01 +0\.45 +26\.65 .* 4 waypoints for 33 %/m)
})

test('what is requested stands beside what is used, and with sizes how many nodes it takes', async () => {
  const sizes = ['--node-size', '4,16', '--pod-size', '0.25,0.5']
  const { code, stdout } = await runCli([...cluster, ...sizes])
  assert.equal(code, 0)
  assert.match(stdout, /^requested, by the defaults of Istio's charts; nodes of 4 vCPU and 16 GiB/m)
  assert.match(stdout, /^sidecar +20\.00 +25\.00 +19$/m)
  assert.match(stdout, /^ambient +6\.00 +11\.95 +15$/m)
  const half = await runCli([...cluster, '--node-size', '4,16'])
  assert.deepEqual([half.code, half.stdout], [2, ''])
  assert.match(half.stderr, /needs the size of both\n {2}hint: give --node-size and --pod-size/)
  const odd = await runCli([...cluster, '--node-size', '4', '--pod-size', '1,1'])
  assert.match(odd.stderr, /^error: --node-size takes vCPU and GiB, not "4"/)
})

test('with --from the costs are those of a sweep, which says its points and its fit error', async (t) => {
  const folder = scratchOf(t)
  const sweep = sweptRates()
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify(sweep))
  const { stdout } = await runCli([...cluster, '--from', folder])
  assert.match(stdout, /^costs: measured here, simulated proxies, 3 points, fit error up to 0 %$/m)
  // 200 x 0.003 idle + 2 x 5,000 x 0.0002; 200 x 15 MB.
  assert.match(stdout, /^sidecar +2\.60 +2\.79 +200 sidecars$/m)
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify({ ...sweep, workload: 'chain' }))
  const chain = await runCli([...cluster, '--from', folder])
  assert.equal(chain.code, 2)
  assert.match(chain.stderr, /measured the workload chain\n {2}hint: estimate needs one whose/)
})

test('what a sweep found per open connection is said to be left out', async (t) => {
  const folder = scratchOf(t)
  const sweep = sweptRates()
  const model = sweep.model.map((cost) => ({ ...cost, coresPerConnection: 0.0001 }))
  writeFileSync(join(folder, 'sweep.json'), JSON.stringify({ ...sweep, model }))
  const { stdout } = await runCli([...cluster, '--from', folder])
  assert.match(stdout, /fit error up to 0 %; what it found per open connection is not counted$/m)
})

test('with --from a run its doubts stand with the figures', async (t) => {
  const folder = scratchOf(t)
  const run = resultWith(400, costs)
  writeFileSync(join(folder, 'result.json'), JSON.stringify({ ...run, status: 'interrupted' }))
  const { stdout } = await runCli([...cluster, '--from', folder])
  assert.match(
    stdout,
    /^costs: measured here, .* at 400\/s only: .*; the run was interrupted; 2 windows of a mode, a verdict needs 4; it found no difference in CPU between sidecar and ambient$/m,
  )
})
