/** Middle value, the mean of the two middle ones when there is no single one; null of nothing. */
export function median(values: readonly number[]): number | null {
  return values.length === 0 ? null : sortedQuantile(Float64Array.from(values).sort(), 0.5)
}

/** Linear between order statistics (type 7 of Hyndman and Fan). `sorted` is not empty. */
export function sortedQuantile(sorted: ArrayLike<number>, probability: number): number {
  const position = probability * (sorted.length - 1)
  const below = Math.floor(position)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? low
  return low + (high - low) * (position - below)
}

/**
 * Hodges-Lehmann: the median of all differences `other - base`. As robust as the difference of two
 * medians, and much steadier with the handful of windows a run has.
 */
export function hodgesLehmann(base: readonly number[], other: readonly number[]): number | null {
  const differences = new Float64Array(base.length * other.length)
  let at = 0
  for (const b of base) for (const o of other) differences[at++] = o - b
  return at === 0 ? null : sortedQuantile(differences.sort(), 0.5)
}
