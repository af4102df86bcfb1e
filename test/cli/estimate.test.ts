import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../support/run-cli.ts'

const cluster = ['estimate', '--pods', '200', '--nodes', '20', '--rps', '5000'] as const

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
