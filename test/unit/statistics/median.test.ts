import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hodgesLehmann, median, sortedQuantile } from '../../../reports/statistics/median.ts'

test('the median of an even count is the mean of the two middle values', () => {
  assert.equal(median([9, 1, 4, 2]), 3)
  assert.equal(median([7]), 7)
  assert.equal(median([]), null)
})

test('values are ordered as numbers, not as text', () => {
  assert.equal(median([10, 9, 100]), 10)
})

test('a quantile lies linearly between its neighbours', () => {
  assert.equal(sortedQuantile([0, 10, 20, 30], 0.25), 7.5)
})

test('Hodges-Lehmann is the median of all pairwise differences', () => {
  // 3-1 4-1 8-1 3-2 4-2 8-2 = 2 3 7 1 2 6
  assert.equal(hodgesLehmann([1, 2], [3, 4, 8]), 2.5)
  assert.equal(hodgesLehmann([], [1]), null)
})

const windows = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 8 })

test('exchanging the sides turns the sign of the difference', () => {
  fc.assert(
    fc.property(windows, windows, (a, b) => {
      assert.equal(hodgesLehmann(a, b), -(hodgesLehmann(b, a) ?? 0) + 0)
    }),
  )
})

test('moving one side by an amount moves the difference by that amount', () => {
  fc.assert(
    fc.property(windows, windows, fc.integer({ min: -500, max: 500 }), (a, b, shift) => {
      const moved = b.map((value) => value + shift)
      assert.equal(hodgesLehmann(a, moved), (hodgesLehmann(a, b) ?? 0) + shift)
    }),
  )
})
