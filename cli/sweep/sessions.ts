import type { RunOptions } from '../../harness/result/schema.ts'
import { shuffle } from '../../harness/schedule/blocks.ts'
import { seededRandom } from '../../harness/schedule/random.ts'

/** Points on one deployment, and the rounds to measure them in before the next deployment. */
export interface Session<Point> {
  readonly points: readonly Point[]
  readonly rounds: readonly number[]
}

/**
 * The order of a sweep. A round holds every point, so that whatever drifts meets all of them alike.
 * Points that differ in their load alone share a deployment and take turns window by window; those that
 * need another one (other pods, other answers) take turns round by round, in an order of each round's
 * own, for the price of deploying again.
 */
export function planSessions<Point extends { readonly options: RunOptions }>(
  points: readonly Point[],
  seed: number,
): Session<Point>[] {
  const groups = grouped(points)
  const random = seededRandom(seed)
  const rounds = points[0]?.options.rounds ?? 0
  const sessions: { points: readonly Point[]; rounds: number[] }[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const group of shuffle(groups, random)) {
      const last = sessions.at(-1)
      if (last?.points === group) last.rounds.push(round)
      else sessions.push({ points: group, rounds: [round] })
    }
  }
  return sessions
}

function grouped<Point extends { readonly options: RunOptions }>(
  points: readonly Point[],
): (readonly Point[])[] {
  const groups = new Map<string, Point[]>()
  for (const point of points) {
    const { responseBytes, replicas, workloadsPerNode = 1 } = point.options
    const key = JSON.stringify([responseBytes, replicas, workloadsPerNode])
    groups.set(key, [...(groups.get(key) ?? []), point])
  }
  return [...groups.values()]
}
