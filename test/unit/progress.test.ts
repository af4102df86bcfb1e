import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paintFor } from '../../cli/terminal/paint.ts'
import { showProgress, timeLeft } from '../../cli/terminal/progress.ts'
import { startClock } from '../../harness/experiment/clock.ts'
import type { ExperimentEvent } from '../../harness/experiment/events.ts'
import { healthyWindow } from '../support/windows.ts'

const begin = { type: 'window-start', total: 4, rounds: 2, mode: 'ambient' } as const
const point = { offsetMs: 0, durationMs: 1000, ok: 398, failed: 0, p50Us: 1234, p99Us: null }
const events: readonly ExperimentEvent[] = [
  { type: 'phase', phase: 'deploying', sentence: 'deploying echo' },
  { type: 'phase', phase: 'deploying', sentence: 'waiting for mb-ambient/echo' },
  { type: 'phase', phase: 'measuring', sentence: 'measuring 4 windows' },
  { ...begin, index: 1, round: 1, remainingMs: 16_000 },
  { type: 'progress', point, remainingMs: 15_000 },
  { type: 'window-end', mode: 'ambient', window: healthyWindow() },
  { ...begin, index: 2, round: 1, remainingMs: 12_000 },
  { ...begin, index: 3, round: 2, remainingMs: 8_000 },
  {
    type: 'window-end',
    mode: 'ambient',
    window: healthyWindow({
      findings: [{ code: 'rate-missed', severity: 'error', message: 'too slow' }],
    }),
  },
]

function shown(isTTY: boolean, columns = 80): string {
  let text = ''
  const progress = showProgress({ isTTY, columns, write: (chunk) => (text += chunk) })
  for (const event of events) progress.onEvent(event)
  progress.end()
  return text
}

test('in a log file there is a line per phase and round, and what made a window invalid', () => {
  assert.deepEqual(shown(false).split('\n'), [
    'deploying echo',
    'measuring 4 windows',
    'round 1 of 2, 0:16 left',
    'round 2 of 2, 0:08 left',
    'ambient: too slow',
    '',
  ])
})

test('on a terminal one line keeps changing, and is gone at the end', () => {
  const frames = shown(true).split('\r\x1b[2K')
  assert.ok(
    frames.includes('[1/4] round 1 of 2 · ambient · 398 req/s · p50 1.23 ms · 0:15 left'),
    frames.join('\n'),
  )
  assert.equal(frames.at(-1), '')
  assert.ok(!shown(true).includes('\n'))
})

test('the line never wraps on a narrow terminal', () => {
  const widest = Math.max(
    ...shown(true, 30)
      .split('\r\x1b[2K')
      .map(({ length }) => length),
  )
  assert.equal(widest, 29)
})

test('colours appear on a terminal only, and not against NO_COLOR', () => {
  const red = (isTTY: boolean, env: Record<string, string>) =>
    paintFor({ isTTY }, env)('worse', 'x')
  assert.equal(red(true, {}), '\x1b[31mx\x1b[39m')
  assert.equal(red(false, {}), 'x')
  assert.equal(red(true, { NO_COLOR: '1' }), 'x')
  assert.equal(red(true, { NO_COLOR: '' }), '\x1b[31mx\x1b[39m')
  assert.equal(red(true, { TERM: 'dumb' }), 'x')
})

test('time left goes by the plan first and by what windows took afterwards', () => {
  let nowMs = 0
  const clock = startClock(4, 10_000, () => nowMs)
  clock.beginWindow(0)
  assert.equal(clock.remainingMs(), 40_000)
  nowMs = 4_000
  assert.equal(clock.remainingMs(), 36_000)
  nowMs = 12_000
  clock.beginWindow(1)
  assert.equal(clock.remainingMs(), 36_000)
  nowMs = 18_000
  assert.equal(clock.remainingMs(), 30_000)
  nowMs = 500_000
  assert.equal(clock.remainingMs(), 0)
  assert.equal(timeLeft(61_000), '1:01 left')
})
