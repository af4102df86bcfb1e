/** The next "round" number at or above: axes end where a reader expects a tick. */
export function niceCeiling(value: number): number {
  if (value <= 0) return 1
  const decade = 10 ** Math.floor(Math.log10(value))
  const steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
  return (steps.find((step) => step * decade >= value * 0.999) ?? 10) * decade
}

/** Past this ratio a linear axis shows the far end alone and hides all else at its foot. */
const linearUpTo = 40

export function needsLog(lowest: number, highest: number): boolean {
  return lowest > 0 && highest / lowest > linearUpTo
}

/** One tick per decade; vega's own choice draws nine lines in each. */
export function decades(lowest: number, highest: number): number[] {
  const first = Math.ceil(Math.log10(lowest))
  const last = Math.floor(Math.log10(highest))
  return Array.from({ length: last - first + 1 }, (_, step) => 10 ** (first + step))
}

export interface Positioned {
  readonly y: number
}

/**
 * Moves labels apart until neighbours are `gap` apart (in the unit of `y`), keeping their order and
 * disturbing them as little as possible: names at line ends must be legible where lines meet.
 */
export function spread<T extends Positioned>(labels: readonly T[], gap: number, top: number): T[] {
  const sorted = labels.map((label) => ({ ...label })).sort((a, b) => a.y - b.y)
  const clusters: { y: number; members: T[] }[] = []
  for (const label of sorted) {
    clusters.push({ y: label.y, members: [label] })
    for (let last = clusters.length - 1; last > 0; last -= 1) {
      const upper = clusters[last]
      const lower = clusters[last - 1]
      if (upper === undefined || lower === undefined) break
      const reach = ((upper.members.length + lower.members.length) / 2) * gap
      if (upper.y - lower.y >= reach) break
      const count = upper.members.length + lower.members.length
      const y = (upper.y * upper.members.length + lower.y * lower.members.length) / count
      clusters.splice(last - 1, 2, { y, members: [...lower.members, ...upper.members] })
    }
  }
  return clusters.flatMap(({ y, members }) => {
    const half = ((members.length - 1) / 2) * gap
    const middle = Math.max(half, Math.min(y, top - half))
    return members.map((member, index) => ({ ...member, y: middle - half + index * gap }))
  })
}
