import { chain } from './chain.ts'
import { echo } from './echo.ts'
import { fanout } from './fanout.ts'
import type { Topology } from './topology.ts'

export const topologies: readonly Topology[] = [echo, chain, fanout]

/** Close enough to be a slip of the fingers, else undefined. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.ceil(best.candidate.length / 3)
    ? best.candidate
    : undefined
}

/** https://en.wikipedia.org/wiki/Levenshtein_distance, two rows at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const swap = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const insert = (current[column - 1] ?? 0) + 1
      const remove = (previous[column] ?? 0) + 1
      current.push(Math.min(swap, insert, remove))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
