import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differenceBetween } from '../../../reports/statistics/difference.ts'
import { pairedFloor, signedRankP, walshMedian } from '../../../reports/statistics/paired.ts'
import { permutationP } from '../../../reports/statistics/permutation.ts'
import { type Random, seededRandom } from '../../../reports/statistics/random.ts'

const random = seededRandom(1, 'paired')

function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

test('six rounds that all point one way give p = 2/64, the least six can give', () => {
  assert.equal(signedRankP([1, 2, 3, 4, 5, 6], random), 2 / 64)
  assert.equal(signedRankP([-1, -2, -3, -4, -5, -6], random), 2 / 64)
})

test('p counts every swap at least as far from zero as the one seen', () => {
  // Ranks 1, 2 and -3: the sum is 0, and no swap is nearer.
  assert.equal(signedRankP([1, 2, -3], random), 1)
  // Ranks -1, 2 and 3 sum to 4: as far or further are +-4 and +-6.
  assert.equal(signedRankP([-1, 2, 3], random), 4 / 8)
})

test('rounds without a difference say nothing: p = 1', () => {
  assert.equal(signedRankP([0, 0, 0, 0, 0, 0], random), 1)
})

test('with too many rounds to try all swaps, drawn ones come close to the exact p', () => {
  // One of fourteen against the trend, of the smallest size: 4 of 16,384 swaps are as far.
  const differences = Array.from({ length: 14 }, (_, index) => (index === 0 ? -1 : index + 1))
  assert.equal(signedRankP(differences, random), 4 / 2 ** 14)
  const p = signedRankP([...differences, 15, 16], random) ?? 0
  assert.ok(p < 0.001, `p is ${p}`)
})

test('the estimate is the median of the means of every two differences', () => {
  // Means: 1, 2, 6, 3, 7, 11.
  assert.equal(walshMedian([1, 3, 11]), 4.5)
  assert.equal(walshMedian([]), null)
})

test('the floor is about what the signed ranks call significant, and 0 when nothing varies', () => {
  assert.equal(pairedFloor([5, 5, 5, 5, 5, 5], random), 0)
  const noise = Array.from({ length: 40 }, () => gauss(random))
  const floor = pairedFloor(noise, random)
  // 1.96 standard errors of a mean of 40, within a third.
  assert.ok(floor > 0.2 && floor < 0.45, `${floor}`)
})

interface Setting {
  readonly rounds: number
  readonly roundSpread: number
  readonly effect: number
}

function simulate({ rounds, roundSpread, effect }: Setting) {
  const draws = seededRandom(3, `simulation ${rounds} ${roundSpread} ${effect}`)
  const [base, other] = [new Map<number, number>(), new Map<number, number>()]
  for (let round = 1; round <= rounds; round++) {
    const common = 100 + roundSpread * gauss(draws)
    base.set(round, common + 3 * gauss(draws))
    other.set(round, common + effect + 3 * gauss(draws))
  }
  return { base, other, draws }
}

test('what slows whole rounds hides no difference from six rounds on', () => {
  const { base, other, draws } = simulate({ rounds: 10, roundSpread: 30, effect: 10 })
  const found = differenceBetween(base, other, draws)
  assert.equal(found.paired, true)
  assert.ok((found.p ?? 1) < 0.01 && (found.ciLow ?? 0) > 2 && (found.ciHigh ?? 0) < 20)
  const heaps = permutationP([...base.values()], [...other.values()], draws)
  assert.ok((heaps ?? 0) > 0.05, `as heaps p is ${heaps}`)
})

test('intervals of paired differences hold the truth in at least 93 % of runs', () => {
  const draws = seededRandom(4, 'coverage')
  let covered = 0
  for (let run = 0; run < 300; run++) {
    const base = new Map<number, number>()
    const other = new Map<number, number>()
    for (let round = 1; round <= 6; round++) {
      const common = 30 * gauss(draws)
      base.set(round, common + gauss(draws))
      other.set(round, common + gauss(draws))
    }
    const { ciLow, ciHigh } = differenceBetween(base, other, draws)
    if ((ciLow ?? 1) <= 0 && (ciHigh ?? -1) >= 0) covered += 1
  }
  assert.ok(covered / 300 >= 0.93, `covered ${covered} of 300`)
})

test('fewer than six common rounds are compared as two heaps, whatever each side has alone', () => {
  const side = (rounds: readonly number[]) => new Map(rounds.map((round) => [round, round * 10]))
  const few = differenceBetween(side([1, 2, 3, 4, 5]), side([1, 2, 3, 4, 5]), random)
  assert.deepEqual([few.paired, few.n], [false, 5])
  const apart = differenceBetween(side([1, 2, 3, 4, 5, 6, 7]), side([3, 4, 5, 6, 7, 8, 9]), random)
  assert.deepEqual([apart.paired, apart.n], [false, 7])
  const common = differenceBetween(side([1, 2, 3, 4, 5, 6, 7]), side([2, 3, 4, 5, 6, 7, 8]), random)
  assert.deepEqual([common.paired, common.n, common.difference], [true, 6, 0])
})
