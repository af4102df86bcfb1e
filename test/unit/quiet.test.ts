import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { test } from 'node:test'
import { waitForQuiet } from '../../harness/experiment/quiet.ts'

const machine = (shares: readonly number[]) => {
  let at = 0
  return async () => shares[Math.min(at++, shares.length - 1)] as number
}

test('an idle machine is looked at once', async () => {
  const found = await waitForQuiet(60_000, machine([0.02])).next()
  assert.deepEqual(found, { reached: true, waitedMs: 100, busyShare: 0.02 })
})

test('a window waits until other work has ended', async () => {
  const found = await waitForQuiet(60_000, machine([0.9, 0.6, 0.3, 0.05])).next()
  assert.deepEqual(found, { reached: true, waitedMs: 400, busyShare: 0.05 })
})

test('a machine that never rests costs two seconds a window and a tenth of the run', async () => {
  const wait = waitForQuiet(40_000, machine([0.7]))
  const waits: number[] = []
  for (let window = 0; window < 5; window++) {
    const { reached, waitedMs, busyShare } = await wait.next()
    assert.deepEqual([reached, busyShare], [false, 0.7])
    waits.push(waitedMs)
  }
  assert.deepEqual(waits, [2_000, 2_000, 200, 100, 100])
})

test('other programs on all CPUs are seen', { skip: process.platform !== 'linux' }, async (t) => {
  const spinners = cpus().map(() =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  t.after(() => {
    for (const spinner of spinners) spinner.kill('SIGKILL')
  })
  // The first slices may pass before they run.
  let found = await waitForQuiet(0).next()
  for (let again = 0; again < 50 && found.reached; again++) found = await waitForQuiet(0).next()
  assert.equal(found.reached, false)
  assert.ok(found.busyShare > 0.1, `${found.busyShare}`)
})

test('Ctrl-C ends the waiting', async () => {
  const abort = new AbortController()
  const waiting = waitForQuiet(60_000).next(abort.signal)
  abort.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
})
