import type { Random } from './random.ts'

/** All relabellings are tried up to this many (10 + 10 windows are 184,756), else as many drawn. */
const exactLimit = 20_000

/**
 * Two-sided permutation test of the rank sum (an exact Mann-Whitney test, mid-ranks for ties): the
 * share of all ways to deal the pooled windows onto the two sides that separate them at least as far
 * as the run did. Ranks, because one disturbed window must not hide a difference that all others
 * show. The least p possible is 0.1 with 3 windows a side and 0.029 with 4.
 */
export function permutationP(
  base: readonly number[],
  other: readonly number[],
  random: Random,
): number | null {
  if (base.length === 0 || other.length === 0) return null
  const ranks = midRanks([...base, ...other])
  const expected = (base.length * (ranks.length + 1)) / 2
  const distance = (sum: number): number => Math.abs(sum - expected)
  const observed = distance(sumOf(ranks.slice(0, base.length)))
  // Mid-ranks are halves, so sums are exact and need no tolerance.
  if (combinations(ranks.length, base.length) <= exactLimit) {
    let total = 0
    let extreme = 0
    forEachSum(ranks, base.length, (sum) => {
      total += 1
      if (distance(sum) >= observed) extreme += 1
    })
    return extreme / total
  }
  let extreme = 1
  for (let draw = 0; draw < exactLimit; draw += 1) {
    if (distance(sumOfRandom(ranks, base.length, random)) >= observed) extreme += 1
  }
  return extreme / (exactLimit + 1)
}

function midRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((v) => v < value).length
    const same = values.filter((v) => v === value).length
    return below + (same + 1) / 2
  })
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function combinations(n: number, k: number): number {
  let count = 1
  for (let step = 1; step <= k; step += 1) count = (count * (n - k + step)) / step
  return Math.round(count)
}

function forEachSum(ranks: readonly number[], pick: number, visit: (sum: number) => void): void {
  const descend = (from: number, left: number, sum: number): void => {
    if (left === 0) {
      visit(sum)
      return
    }
    for (let index = from; index <= ranks.length - left; index += 1) {
      descend(index + 1, left - 1, sum + (ranks[index] ?? 0))
    }
  }
  descend(0, pick, 0)
}

/** The head of a Fisher-Yates shuffle; the array is the caller's scratch and may stay shuffled. */
function sumOfRandom(ranks: number[], pick: number, random: Random): number {
  let sum = 0
  for (let index = 0; index < pick; index += 1) {
    const from = index + Math.floor(random() * (ranks.length - index))
    const taken = ranks[from] ?? 0
    ranks[from] = ranks[index] ?? 0
    ranks[index] = taken
    sum += taken
  }
  return sum
}
