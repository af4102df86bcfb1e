import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../harness/schedule/random.ts'
import { assess, type Slice } from '../../harness/steady/assess.ts'
import { watchWarmUp } from '../../harness/steady/watch.ts'

const slices = (values: readonly number[], name: keyof Slice = 'p50Us'): Slice[] =>
  values.map((value) => ({
    p50Us: 1000,
    ratePerSecond: 400,
    cpuUs: 200,
    rssBytes: 100e6,
    [name]: value,
  }))
const movingIn = (of: readonly Slice[]): string[] =>
  Object.entries(assess(of).tests).flatMap(([name, { moving }]) => (moving ? [name] : []))

test('three slices are too few to call anything steady', () => {
  assert.equal(assess(slices([1000, 1000, 1000])).steady, false)
})

test('figures that stay within a few per cent are steady', () => {
  assert.equal(assess(slices([1000, 1030, 980, 1010, 990, 1005])).steady, true)
})

test('a median that falls from slice to slice is a slope', () => {
  assert.deepEqual(movingIn(slices([2000, 1800, 1610, 1400, 1190, 1000])), ['p50'])
})

test('a median that jumps half-way is a step', () => {
  const { tests, steady } = assess(slices([2000, 2010, 1990, 1500, 1510, 1490]))
  assert.equal(steady, false)
  assert.ok((tests.p50?.step ?? 0) < -0.25, `${tests.p50?.step}`)
})

test('CPU that still falls, as before the compiler is done, is not steady', () => {
  assert.deepEqual(movingIn(slices([300, 270, 240, 210, 180, 150], 'cpuUs')), ['cpu'])
})

test('a rate that still rises is not steady', () => {
  assert.deepEqual(movingIn(slices([320, 340, 360, 380, 400, 420], 'ratePerSecond')), ['rate'])
})

test('memory that still grows, as while heaps find their size, is not steady', () => {
  assert.deepEqual(movingIn(slices([100e6, 106e6, 111e6, 117e6, 122e6, 128e6], 'rssBytes')), [
    'memory',
  ])
})

test('memory that nobody can tell keeps no warm-up from ending', () => {
  const silent = slices([1, 1, 1, 1]).map((slice) => ({ ...slice, rssBytes: null }))
  assert.equal(assess(silent).steady, true)
})

test('only the last six slices count', () => {
  assert.equal(assess(slices([9000, 5000, 1000, 1010, 990, 1000, 1005, 995])).steady, true)
})

test('without answers there is no steady state', () => {
  const silent = slices([1, 1, 1, 1]).map((slice) => ({ ...slice, p50Us: null, ratePerSecond: 0 }))
  assert.equal(assess(silent).steady, false)
})

test('noise of 15 % without a trend ends the warm-up at once in nine of ten cases', () => {
  const random = seededRandom(3)
  let steady = 0
  for (let run = 0; run < 1000; run++) {
    const noisy = Array.from({ length: 4 }, () => 1000 * (1 + 0.15 * (random() + random() - 1)))
    if (assess(slices(noisy)).steady) steady += 1
  }
  assert.ok(steady > 900, `${steady} of 1000`)
})

test('a watch says once that the window may begin, not before its least time', () => {
  const watch = watchWarmUp({ leastMs: 1500 })
  const said = Array.from({ length: 8 }, (_, index) =>
    watch.slice(
      { offsetMs: index * 250, durationMs: 250, ok: 100, failed: 0, p50Us: 900 },
      5000,
      90e6,
    ),
  )
  assert.deepEqual(said.indexOf(true), 5)
  assert.equal(said.filter(Boolean).length, 1)
  assert.deepEqual(watch.record(1510), { reached: true, cutMs: 1510, slices: 8, moving: [] })
})

test('a watch that never saw a steady load says what moved', () => {
  const watch = watchWarmUp({ leastMs: 500 })
  for (const [index, p50Us] of [3000, 2500, 2000, 1500].entries()) {
    watch.slice({ offsetMs: index * 250, durationMs: 250, ok: 100, failed: 0, p50Us }, 5000, 90e6)
  }
  const { reached, moving } = watch.record(1000)
  assert.equal(reached, false)
  assert.deepEqual(
    moving.map(({ series }) => series),
    ['p50'],
  )
})
