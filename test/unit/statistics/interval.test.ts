import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bootstrapInterval, expandedTail } from '../../../reports/statistics/interval.ts'
import { hodgesLehmann, median } from '../../../reports/statistics/median.ts'
import { type Random, seededRandom } from '../../../reports/statistics/random.ts'

const medianOf = ([sample]: readonly (readonly number[])[]): number | null => median(sample ?? [])
const differenceOf = ([a, b]: readonly (readonly number[])[]): number | null =>
  hodgesLehmann(a ?? [], b ?? [])

function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function coverage(perSide: number, runs: number): number {
  const random = seededRandom(11, `coverage ${perSide}`)
  let covered = 0
  for (let run = 0; run < runs; run += 1) {
    const draw = (): number[] => Array.from({ length: perSide }, () => 50 + gauss(random))
    const interval = bootstrapInterval([draw(), draw()], differenceOf, random)
    if (interval !== null && interval.low <= 0 && interval.high >= 0) covered += 1
  }
  return covered / runs
}

test('with 6 windows a side the interval of a difference holds the truth in at least 93 % of runs', () => {
  const share = coverage(6, 300)
  assert.ok(share >= 0.93, `covered ${share}`)
})

test('with 3 windows a side it covers about 90 %, as its documentation admits', () => {
  const share = coverage(3, 300)
  assert.ok(share >= 0.85 && share <= 0.96, `covered ${share}`)
})

test('with 6 values the interval of the median is their whole range', () => {
  const interval = bootstrapInterval([[4, 1, 6, 2, 3, 5]], medianOf, seededRandom(1, 'range'))
  assert.deepEqual(interval, { low: 1, high: 6 })
})

test('fewer than 3 values give no interval', () => {
  assert.equal(bootstrapInterval([[1, 2]], medianOf, seededRandom(1, 'few')), null)
  assert.equal(bootstrapInterval([[1, 2, 3], [1]], differenceOf, seededRandom(1, 'few')), null)
})

test('the same seed and label give the same interval, another label another stream', () => {
  const sample = Array.from({ length: 12 }, (_, index) => index ** 2)
  const of = (label: string) => bootstrapInterval([sample], medianOf, seededRandom(5, label))
  assert.deepEqual(of('a'), of('a'))
  assert.notEqual(seededRandom(5, 'a')(), seededRandom(5, 'b')())
})

test('the expansion fades as windows increase: 2.5 % are left outside in the limit', () => {
  assert.ok(expandedTail(3, 2) < 1e-4)
  assert.ok(expandedTail(6, 10) > 0.006 && expandedTail(6, 10) < 0.009)
  assert.ok(Math.abs(expandedTail(10_000, 9_999) - 0.025) < 1e-4)
})
