import { sortedQuantile } from './median.ts'
import type { Random } from './random.ts'

/** All 2^n swaps are tried up to this many rounds, else as many drawn. */
const exactRounds = 14
const drawnSwaps = 20_000
const floorDraws = 800

/**
 * Two-sided Wilcoxon signed-rank test by its exact permutation distribution: in each round the two
 * windows may have been the other way round, and the share of all such swaps that move the signed rank
 * sum at least as far from zero is p. What a round has in common (a busy neighbour, heat) falls out.
 * The least p possible is 0.031 with 6 rounds and 0.002 with 10.
 */
export function signedRankP(differences: readonly number[], random: Random): number | null {
  if (differences.length === 0) return null
  const ranks = signedRanks(differences)
  // Mid-ranks are halves, so sums are exact and need no tolerance.
  const observed = Math.abs(ranks.reduce((sum, rank) => sum + rank, 0))
  if (ranks.length <= exactRounds) {
    const all = 2 ** ranks.length
    let extreme = 0
    for (let swaps = 0; swaps < all; swaps += 1) {
      const sum = swapped(ranks, (index) => ((swaps >> index) & 1) === 1)
      if (Math.abs(sum) >= observed) extreme += 1
    }
    return extreme / all
  }
  let extreme = 1
  for (let draw = 0; draw < drawnSwaps; draw += 1) {
    if (Math.abs(swapped(ranks, () => random() < 0.5)) >= observed) extreme += 1
  }
  return extreme / (drawnSwaps + 1)
}

function swapped(ranks: readonly number[], swap: (index: number) => boolean): number {
  return ranks.reduce((sum, rank, index) => sum + (swap(index) ? -rank : rank), 0)
}

/** Mid-ranks of the sizes with the signs put back; no difference has no sign. */
function signedRanks(differences: readonly number[]): number[] {
  return differences.map((difference) => {
    const size = Math.abs(difference)
    const below = differences.filter((d) => Math.abs(d) < size).length
    const same = differences.filter((d) => Math.abs(d) === size).length
    return Math.sign(difference) * (below + (same + 1) / 2)
  })
}

/** The Hodges-Lehmann estimate of paired data: the median of the means of every two differences. */
export function walshMedian(differences: readonly number[]): number | null {
  const { length } = differences
  const means = new Float64Array((length * (length + 1)) / 2)
  let at = 0
  for (let i = 0; i < length; i += 1) {
    for (let j = i; j < length; j += 1) {
      means[at++] = ((differences[i] ?? Number.NaN) + (differences[j] ?? Number.NaN)) / 2
    }
  }
  return at === 0 ? null : sortedQuantile(means.sort(), 0.5)
}

/**
 * How large a difference two equal modes would show in rounds as uneven as these: the differences less
 * their middle, drawn again with either sign; 95 % stay below. Drawing from n understates spread by
 * sqrt((n - 1) / n), which is put back.
 */
export function pairedFloor(differences: readonly number[], random: Random): number {
  const middle = walshMedian(differences)
  if (middle === null || differences.length < 2) return 0
  const correction = Math.sqrt(differences.length / (differences.length - 1))
  const draw = (): number => {
    const difference = differences[Math.floor(random() * differences.length)] ?? Number.NaN
    return (difference - middle) * (random() < 0.5 ? -1 : 1)
  }
  const sizes = Float64Array.from({ length: floorDraws }, () =>
    Math.abs((walshMedian(differences.map(draw)) ?? 0) * correction),
  )
  return sortedQuantile(sizes.sort(), 0.95)
}
