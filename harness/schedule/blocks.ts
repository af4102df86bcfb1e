import type { Mode } from '../modes.ts'
import { seededRandom } from './random.ts'

export interface ScheduledWindow {
  /** From 1. */
  readonly round: number
  readonly mode: Mode
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
  const random = seededRandom(options.seed)
  return Array.from({ length: options.rounds }, (_, index) =>
    shuffle(options.modes, random).map((mode) => ({ round: index + 1, mode })),
  ).flat()
}

/** Fisher-Yates. */
function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const pick = Math.floor(random() * (last + 1))
    const kept = order[last] as T
    order[last] = order[pick] as T
    order[pick] = kept
  }
  return order
}
