import type { Mode } from '../modes.ts'
import { seededRandom } from './random.ts'

export interface ScheduledWindow {
  /** From 1. */
  readonly round: number
  readonly mode: Mode
}

export interface ScheduledPoint extends ScheduledWindow {
  /** Which of the points of a sweep, from 0. */
  readonly point: number
}

/**
 * Randomised complete blocks: every round holds each mode once, in an order of its own. Whatever
 * drifts during a run (heat, a neighbour, caches) then meets all modes alike, and no mode always
 * follows the same other one.
 */
export function scheduleBlocks(options: {
  readonly modes: readonly Mode[]
  readonly rounds: number
  readonly seed: number
}): ScheduledWindow[] {
  return schedulePoints({ ...options, points: 1 }).map(({ round, mode }) => ({ round, mode }))
}

/** The same for a sweep: a round holds every mode at every point once. */
export function schedulePoints(options: {
  readonly modes: readonly Mode[]
  readonly points: number
  readonly rounds: number
  readonly seed: number
}): ScheduledPoint[] {
  const random = seededRandom(options.seed)
  const cells = Array.from({ length: options.points }, (_, point) =>
    options.modes.map((mode) => ({ mode, point })),
  ).flat()
  return Array.from({ length: options.rounds }, (_, index) =>
    shuffle(cells, random).map((cell) => ({ round: index + 1, ...cell })),
  ).flat()
}

/** Fisher-Yates. */
export function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const pick = Math.floor(random() * (last + 1))
    const kept = order[last] as T
    order[last] = order[pick] as T
    order[pick] = kept
  }
  return order
}
