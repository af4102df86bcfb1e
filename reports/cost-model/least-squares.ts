export interface Observation {
  /** One value per term, in the order of the terms. */
  readonly terms: readonly number[]
  readonly measured: number
}

/**
 * Least squares with coefficients that are never negative: a cost below zero is noise that another
 * term then pays for. Residuals are relative to the measured value, because the noise of CPU time
 * grows with it; a 5 % miss at 100 requests/s weighs as much as one at 1,000. Null without a unique
 * solution.
 */
export function fitNonNegative(observations: readonly Observation[]): number[] | null {
  const usable = observations.filter(({ measured }) => measured > 0)
  const count = usable[0]?.terms.length ?? 0
  const active = new Set(Array.from({ length: count }, (_, index) => index))
  while (active.size > 0) {
    const columns = [...active]
    const solved = solve(usable, columns)
    if (solved === null) return null
    const lowest = columns.reduce(
      (worst, column, at) =>
        (solved[at] ?? 0) < worst.value ? { column, value: solved[at] ?? 0 } : worst,
      { column: -1, value: 0 },
    )
    if (lowest.column < 0) {
      return Array.from({ length: count }, (_, index) => solved[columns.indexOf(index)] ?? 0)
    }
    active.delete(lowest.column)
  }
  return null
}

/** Root mean square of the relative residuals. */
export function relativeError(
  observations: readonly Observation[],
  coefficients: readonly number[],
): number | null {
  const usable = observations.filter(({ measured }) => measured > 0)
  if (usable.length === 0) return null
  const squares = usable.map(({ terms, measured }) => {
    const predicted = terms.reduce((sum, term, at) => sum + term * (coefficients[at] ?? 0), 0)
    return (predicted / measured - 1) ** 2
  })
  return Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length)
}

/** Normal equations by Gauss-Jordan with pivoting: at most four unknowns. */
function solve(observations: readonly Observation[], columns: readonly number[]): number[] | null {
  const scale = columns.map((column) =>
    Math.max(...observations.map(({ terms }) => Math.abs(terms[column] ?? 0))),
  )
  const rows = columns.map((row, i) => [
    ...columns.map((column, j) => total(observations, row, column) / divisor(scale, i, j)),
    observations.reduce((sum, { terms, measured }) => sum + (terms[row] ?? 0) / measured, 0) /
      (scale[i] ?? 1),
  ])
  for (let at = 0; at < rows.length; at++) {
    const pivot = rows
      .slice(at)
      .reduce((a, b) => (Math.abs(b[at] ?? 0) > Math.abs(a[at] ?? 0) ? b : a))
    const size = pivot[at] ?? 0
    const largest = Math.max(...rows.flatMap((row) => row.slice(0, -1).map(Math.abs)))
    // Terms that do not vary apart from each other cannot be told apart.
    if (Math.abs(size) < 1e-9 * largest || size === 0) return null
    rows.splice(rows.indexOf(pivot), 1)
    rows.splice(at, 0, pivot)
    for (const row of rows) {
      if (row === pivot) continue
      const factor = (row[at] ?? 0) / size
      for (let column = at; column < row.length; column++) {
        row[column] = (row[column] ?? 0) - factor * (pivot[column] ?? 0)
      }
    }
  }
  return rows.map((row, at) => (row.at(-1) ?? 0) / (row[at] ?? 1) / (scale[at] ?? 1))
}

function total(observations: readonly Observation[], row: number, column: number): number {
  return observations.reduce(
    (sum, { terms, measured }) => sum + ((terms[row] ?? 0) * (terms[column] ?? 0)) / measured ** 2,
    0,
  )
}

const divisor = (scale: readonly number[], i: number, j: number): number =>
  (scale[i] ?? 1) * (scale[j] ?? 1)
