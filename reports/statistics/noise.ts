import { hodgesLehmann, sortedQuantile } from './median.ts'
import type { Random } from './random.ts'

const drawsPerMode = 400

/**
 * The A/A noise floor: how large a difference a mode shows *against itself*. Two sets of windows of
 * one and the same mode are drawn, compared exactly as two modes are, and 95 % of these differences
 * stay below the floor. Modes count alike; one that never varies (a baseline has no proxies, so its
 * proxy CPU is always 0) says nothing about noise and is left out. Resampling n windows understates
 * spread by sqrt((n - 1) / n), which is put back. 0 when nothing varies.
 */
export function noiseFloor(modes: readonly (readonly number[])[], random: Random): number {
  const varying = modes.filter((values) => values.some((value) => value !== values[0]))
  const differences = varying.flatMap((values) => {
    const draw = (): number[] =>
      values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)
    const correction = Math.sqrt(values.length / (values.length - 1))
    return Array.from({ length: drawsPerMode }, () =>
      Math.abs((hodgesLehmann(draw(), draw()) ?? 0) * correction),
    )
  })
  if (differences.length === 0) return 0
  return sortedQuantile(Float64Array.from(differences).sort(), 0.95)
}

/**
 * The floor of a comparison of two modes, from how far each differs from itself. Both add to the
 * noise of their difference by variance, half of it each, so a third mode that is noisy hides nothing
 * between two quiet ones, and a mode that never varies brings none of its own.
 */
export function pairFloor(base = 0, other = 0): number {
  return Math.sqrt((base ** 2 + other ** 2) / 2)
}
