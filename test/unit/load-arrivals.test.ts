import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ArrivalPattern, arrivalTimes } from '../../harness/load/arrivals.ts'

function take(pattern: ArrivalPattern, count: number): number[] {
  const next = arrivalTimes(pattern)
  return Array.from({ length: count }, () => next())
}

const kinds = ['uniform', 'jittered', 'poisson'] as const

for (const arrivals of kinds) {
  test(`${arrivals} arrivals repeat for a seed and never go back in time`, () => {
    const pattern = { arrivals, ratePerSecond: 1000, seed: 42 }
    const times = take(pattern, 5_000)
    assert.deepEqual(times, take(pattern, 5_000))
    assert.ok(times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0)))
  })
}

test('another seed gives other jittered and Poisson arrivals', () => {
  for (const arrivals of ['jittered', 'poisson'] as const) {
    const pattern = { arrivals, ratePerSecond: 1000 }
    assert.notDeepEqual(take({ ...pattern, seed: 1 }, 10), take({ ...pattern, seed: 2 }, 10))
  }
})

test('jittered arrivals put exactly one request into every slot of 1/rate', () => {
  const slots = take({ arrivals: 'jittered', ratePerSecond: 250, seed: 3 }, 1_000)
  assert.deepEqual(
    slots.map((us) => Math.floor(us / 4_000)),
    slots.map((_, index) => index),
  )
})

test('Poisson arrivals keep the rate and are as uneven as they should be', () => {
  const count = 100_000
  const times = take({ arrivals: 'poisson', ratePerSecond: 1000, seed: 9 }, count)
  const gaps = times.map((time, index) => time - (times[index - 1] ?? 0))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / count
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / count
  assert.ok(Math.abs(mean - 1000) < 20, `mean gap ${mean} µs`)
  assert.ok(Math.abs(Math.sqrt(variance) / mean - 1) < 0.02, 'an exponential has variation 1')
})
