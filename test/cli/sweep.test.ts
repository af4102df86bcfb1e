import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readResult } from '../../harness/result/read.ts'
import { readSweep } from '../../harness/result/sweep.ts'
import { startCli } from '../support/run-cli.ts'

const skip = process.platform === 'linux' ? false : 'the embedded cluster needs Linux'
const scratch = mkdtempSync(join(tmpdir(), 'meshbench-sweep-'))
after(() => rmSync(scratch, { recursive: true }))
const short = ['--modes', 'sidecar,ambient', '--duration', '500ms', '--warmup', '200ms']
const start = (out: string, ...more: string[]) =>
  startCli(['run', '--out', out, ...short, ...more], { cwd: scratch, timeoutMs: 90_000 })

test('a sweep over load and payload is a run per value, a fit and a page that leads to all of them', {
  skip,
}, async () => {
  const sweeps = ['--sweep', 'rate=60,120', '--sweep', 'payload=1KiB,64KiB']
  const { code, stdout, stderr } = await start('all', '--rounds', '1', ...sweeps).finished
  // So few requests may be doubtful, which is said; what counts here is what is written.
  assert.ok(code === 0 || code === 3, stderr)
  const folder = join(scratch, 'all', 'latest')
  const sweep = readSweep(folder)
  assert.equal(sweep?.status, 'complete')
  assert.deepEqual(
    sweep?.points.map(({ axis, value }) => `${axis} ${value}`),
    ['rate 60', 'rate 120', 'payload 1024', 'payload 65536'],
  )
  for (const point of sweep?.points ?? []) {
    const { options, modes, configHash } = readResult(join(folder, point.folder))
    const asked = point.axis === 'rate' ? options.ratePerSecond : options.responseBytes
    assert.equal(asked, point.value)
    assert.match(configHash ?? '', /^[0-9a-f]{16}$/)
    assert.deepEqual(Object.keys(modes), ['sidecar', 'ambient'])
    assert.ok(existsSync(join(folder, point.folder, 'report.html')))
  }
  const roles = sweep?.model.map(({ role }) => role)
  if (code === 0) assert.deepEqual(roles, ['sidecar', 'ztunnel'])
  const page = readFileSync(join(folder, 'sweep.html'), 'utf8')
  assert.match(page, /<a href="points\/[^"]+\/report\.html">/)
  assert.match(stdout, /sweep\.html/)
})

test('a sweep over connections, replicas and workloads per node has that many of each', {
  skip,
}, async () => {
  const sweeps = ['connections=1,3', 'replicas=1,2', 'workloads-per-node=1,2']
  const args = ['run', '--out', 'counts', ...short, '--rounds', '1', '--rate', '60']
  // Of several the last counts: as many sidecars as there are servers, and one beside the load.
  args.push('--modes', 'sidecar')
  const all = [...args, ...sweeps.flatMap((sweep) => ['--sweep', sweep])]
  const { code, stderr } = await startCli(all, { cwd: scratch, timeoutMs: 170_000 }).finished
  assert.ok(code === 0 || code === 3, stderr)
  const folder = join(scratch, 'counts', 'latest')
  const sweep = readSweep(folder)
  const seen = (sweep?.points ?? []).map(({ axis, value, folder: name }) => {
    const { options, modes } = readResult(join(folder, name))
    const cpu = modes.sidecar?.windows[0]?.cpu
    return [`${axis} ${value}`, options.connections, cpu?.app?.processes, cpu?.sidecar?.processes]
  })
  // Beside the servers' sidecars that of the load generator.
  assert.deepEqual(seen, [
    ['connections 1', 1, 1, 2],
    ['connections 3', 3, 1, 2],
    ['replicas 1', 16, 1, 2],
    ['replicas 2', 16, 2, 3],
    ['workloads-per-node 1', 16, 1, 2],
    ['workloads-per-node 2', 16, 2, 3],
  ])
})

test('Ctrl-C in the middle of a sweep keeps the windows that were measured', { skip }, async () => {
  const sweep = start('stopped', '--rounds', '40', '--sweep', 'rate=60,120')
  await sweep.sees('round 2 of 40')
  sweep.child.kill('SIGINT')
  const { code, stderr } = await sweep.finished
  assert.equal(code, 130, stderr)
  const folder = join(scratch, 'stopped', 'latest')
  assert.equal(readSweep(folder)?.status, 'interrupted')
  const points = readdirSync(join(folder, 'points')).filter((name) => name !== 'latest')
  assert.equal(points.length, 2)
  for (const point of points) {
    const { status, modes } = readResult(join(folder, 'points', point))
    assert.equal(status, 'interrupted')
    assert.ok((modes.sidecar?.windows.length ?? 0) >= 1)
  }
})
