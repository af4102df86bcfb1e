import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permutationP } from '../../../reports/statistics/permutation.ts'
import { seededRandom } from '../../../reports/statistics/random.ts'

const random = seededRandom(1, 'permutation')

test('three windows a side that do not overlap give p = 2/20, the least three can give', () => {
  assert.equal(permutationP([1, 2, 3], [10, 11, 12], random), 0.1)
})

test('four windows a side are the fewest that can pass 0.05: p = 2/70', () => {
  assert.equal(permutationP([1, 2, 3, 4], [5, 6, 7, 8], random), 2 / 70)
})

test('p counts every dealing at least as far apart as the one seen', () => {
  // Rank sums of two out of four: 3 4 5 5 6 7; the seen 4 lies 1 from the middle, as 6 does.
  assert.equal(permutationP([1, 3], [2, 4], random), 4 / 6)
})

test('identical windows give p = 1, whichever way ties are dealt', () => {
  assert.equal(permutationP([5, 5, 5, 5], [5, 5, 5, 5], random), 1)
})

test('which side is called base does not change p', () => {
  const a = [1.2, 3.4, 2.2, 5.1, 2.2]
  const b = [2.3, 4.4, 5.2, 6.1]
  assert.equal(permutationP(a, b, random), permutationP(b, a, random))
})

test('with too many dealings to try all, drawn ones come close to the exact p', () => {
  const a = Array.from({ length: 10 }, (_, index) => index)
  const b = a.map((value) => value + 4.5)
  // All 184,756 dealings, counted once elsewhere, give 0.006841.
  const p = permutationP(a, b, random) ?? 0
  assert.ok(Math.abs(p - 0.006841) < 0.002, `p is ${p}`)
})

test('an empty side gives no p', () => {
  assert.equal(permutationP([], [1], random), null)
})
