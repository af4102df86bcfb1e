import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noiseFloor, pairFloor } from '../../../reports/statistics/noise.ts'
import { seededRandom } from '../../../reports/statistics/random.ts'

test('modes that never vary have no noise', () => {
  assert.equal(
    noiseFloor(
      [
        [0, 0, 0],
        [5, 5, 5],
      ],
      seededRandom(1, 'noise'),
    ),
    0,
  )
  assert.equal(noiseFloor([], seededRandom(1, 'noise')), 0)
})

test('a constant mode does not hide the noise of the others', () => {
  const noisy = [10, 11, 9, 12, 8, 10.5]
  const alone = noiseFloor([noisy], seededRandom(1, 'noise'))
  const withConstant = noiseFloor([[0, 0, 0, 0, 0, 0], noisy], seededRandom(1, 'noise'))
  assert.equal(withConstant, alone)
  assert.ok(alone > 0.5 && alone < 4, `floor ${alone}`)
})

test('the floor grows with the spread, in proportion', () => {
  const values = [10, 11, 9, 12, 8, 10.5]
  const one = noiseFloor([values], seededRandom(1, 'noise'))
  const tenfold = noiseFloor([values.map((value) => value * 10)], seededRandom(1, 'noise'))
  assert.ok(Math.abs(tenfold - 10 * one) < 1e-9)
})

test('two modes make the floor of their difference by variance', () => {
  assert.equal(pairFloor(3, 3), 3)
  assert.equal(pairFloor(0, 2), Math.sqrt(2))
  assert.equal(pairFloor(), 0)
})
