/** One slice of a warm-up: what the client saw, and what all processes of the mode spent in it. */
export interface Slice {
  readonly p50Us: number | null
  readonly ratePerSecond: number
  readonly cpuUs: number | null
  /** Resident set of the mode's processes at its end. */
  readonly rssBytes: number | null
}

export const series = ['p50', 'rate', 'cpu', 'memory'] as const
export type Series = (typeof series)[number]

/** How a series moved over the slices looked at, as a share of its mean. */
export interface Movement {
  readonly slope: number
  readonly step: number
  readonly moving: boolean
}

export interface Assessment {
  readonly steady: boolean
  readonly slices: number
  readonly tests: Partial<Record<Series, Movement>>
}

/** Fewer than four points have no residuals worth a test; older than six belongs to the start. */
const leastSlices = 4
const mostSlices = 6

/**
 * A movement counts when it is both large and no chance: a busy machine shakes every slice, and a test
 * for size alone would never let a window begin on it.
 */
const tolerance: Readonly<Record<Series, number>> = {
  p50: 0.1,
  rate: 0.03,
  cpu: 0.1,
  memory: 0.1,
}

/** Two-sided 95 % points of Student's t for 2 to 4 degrees of freedom: as many slices less two. */
const studentT = [4.303, 3.182, 2.776]

/**
 * Steady when neither a slope (least squares) nor a step (first half against second) is found in the
 * median latency, the rate, the CPU or the memory of the last slices (R10 of the method). It ends a
 * warm-up; it never removes anything by its value.
 */
export function assess(slices: readonly Slice[]): Assessment {
  const recent = slices.slice(-mostSlices)
  const tests: Partial<Record<Series, Movement>> = {}
  if (recent.length < leastSlices) return { steady: false, slices: recent.length, tests }
  const values: Readonly<Record<Series, readonly (number | null)[]>> = {
    p50: recent.map(({ p50Us }) => p50Us),
    rate: recent.map(({ ratePerSecond }) => ratePerSecond),
    cpu: recent.map(({ cpuUs }) => cpuUs),
    memory: recent.map(({ rssBytes }) => rssBytes),
  }
  for (const name of series) {
    const known = values[name].filter((value) => value !== null)
    if (known.length >= leastSlices) tests[name] = movement(known, tolerance[name])
  }
  // Nothing answered: there is no state to be steady in.
  const answered = tests.p50 !== undefined
  const moving = Object.values(tests).some((test) => test.moving)
  return { steady: answered && !moving, slices: recent.length, tests }
}

function movement(values: readonly number[], tolerated: number): Movement {
  const center = mean(values)
  if (center <= 0) return { slope: 0, step: 0, moving: false }
  const t = studentT[values.length - leastSlices] ?? 2.776
  const slope = slopeOf(values)
  const step = stepOf(values)
  const significant = (test: Change): boolean =>
    Math.abs(test.change) > tolerated * center && Math.abs(test.change) > t * test.standardError
  return {
    slope: slope.change / center,
    step: step.change / center,
    moving: significant(slope) || significant(step),
  }
}

interface Change {
  readonly change: number
  readonly standardError: number
}

/** Least squares: the change over the whole stretch and its standard error. */
function slopeOf(values: readonly number[]): Change {
  const n = values.length
  const middle = (n - 1) / 2
  const center = mean(values)
  const spread = (n * (n * n - 1)) / 12
  const perSlice = sum(values.map((value, index) => (index - middle) * (value - center))) / spread
  const residuals = values.map((value, index) => value - center - perSlice * (index - middle))
  const error = Math.sqrt(sum(residuals.map((r) => r * r)) / (n - 2) / spread)
  return { change: perSlice * (n - 1), standardError: error * (n - 1) }
}

function stepOf(values: readonly number[]): Change {
  const half = values.length >> 1
  const [first, second] = [values.slice(0, half), values.slice(half)]
  const squares = [first, second].map((part) => sum(part.map((value) => (value - mean(part)) ** 2)))
  const variance = sum(squares) / (values.length - 2)
  return {
    change: mean(second) - mean(first),
    standardError: Math.sqrt(variance * (1 / first.length + 1 / second.length)),
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length
