import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { commandLine, descendantsOf, isAlive } from '../support/process-tree.ts'
import { long, startedRuns } from '../support/started-runs.ts'

const skip = process.platform === 'linux' ? false : 'looks at processes through /proc'
const { start } = startedRuns()

test('after kill -9 no child is left two seconds later', { skip }, async () => {
  const run = start('killed', ...long, '--modes', 'sidecar,waypoint')
  await run.sees('measuring')
  const children = descendantsOf(run.child.pid ?? 0)
  assert.ok(children.length >= 9, `${children.length} processes`)
  run.child.kill('SIGKILL')
  await run.finished
  await sleep(2_000)
  assert.deepEqual(children.filter(isAlive).map(commandLine), [])
})

// A terminal sends Ctrl-C to every process of the group, a supervisor only to the one it started.
const ways = [
  ['Ctrl-C in a terminal', (pid: number) => process.kill(-pid, 'SIGINT')],
  ['SIGTERM to the command', (pid: number) => process.kill(pid, 'SIGTERM')],
] as const
for (const [name, stop] of ways) {
  test(`${name} mid-window ends the run with 130 in five seconds and says so`, {
    skip,
  }, async () => {
    const run = start(name.replaceAll(' ', '-'), ...long, '--modes', 'baseline,waypoint')
    await run.sees('measuring')
    const pid = run.child.pid ?? 0
    const children = descendantsOf(pid)
    await sleep(1_000)
    const startedAt = performance.now()
    stop(pid)
    const ended = await run.finished
    const tookMs = performance.now() - startedAt
    assert.equal(ended.code, 130, ended.stderr)
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
    assert.equal(run.result().status, 'interrupted')
    await sleep(500)
    assert.deepEqual(children.filter(isAlive).map(commandLine), [])
  })
}

test('a signal during deployment leaves an interrupted run folder too', { skip }, async () => {
  const run = start('early', ...long)
  await run.sees('deploying')
  run.child.kill('SIGINT')
  const ended = await run.finished
  assert.equal(ended.code, 130, ended.stderr)
  assert.equal(run.result().status, 'interrupted')
})

test('a ztunnel killed mid-window makes that window invalid, and the run ends', {
  skip,
}, async () => {
  const run = start(
    'crash',
    '--modes',
    'ambient',
    '--rounds',
    '2',
    '--duration',
    '4s',
    '--rate',
    '100',
  )
  await run.sees('round 1 of 2')
  // Past the warm-up of 2 s, in the middle of the window.
  await sleep(4_000)
  const victim = descendantsOf(run.child.pid ?? 0).find((pid) =>
    commandLine(pid).includes('ztunnel'),
  )
  assert.ok(victim !== undefined)
  process.kill(victim, 'SIGKILL')
  const ended = await run.finished
  assert.equal(ended.code, 3, ended.stderr)
  const { windows } = run.result().modes.ambient ?? { windows: [] }
  assert.equal(windows.length, 2)
  assert.ok(
    windows[0]?.findings.some(
      ({ code, severity }) => code === 'proxy-restarted' && severity === 'error',
    ),
    JSON.stringify(windows[0]?.findings),
  )
  assert.ok(!windows[1]?.findings.some(({ code }) => code === 'proxy-restarted'))
})
