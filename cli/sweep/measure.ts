import { join } from 'node:path'
import { generatorImage } from '../../harness/deploy/generator-image.ts'
import type { Workload } from '../../harness/deploy/workload.ts'
import type { Measured, MeasuredMode } from '../../harness/experiment/record.ts'
import { runPoints, type SweepPoint } from '../../harness/experiment/run.ts'
import type { Mode } from '../../harness/modes.ts'
import { makeFolder } from '../../harness/result/folder.ts'
import type { CommandContext } from '../context.ts'
import { openCluster } from '../run/cluster.ts'
import type { Progress } from '../terminal/progress.ts'
import { planSessions } from './sessions.ts'

export interface SweepMeasurement<Point extends SweepPoint> {
  readonly points: readonly Point[]
  readonly seed: number
  readonly workload: Workload
  readonly folder: string
  readonly progress: Progress
  readonly context: CommandContext
}

/** Measures all points in turn, session by session; hands out what there is after each. */
export async function measurePoints<Point extends SweepPoint>(
  { points, seed, workload, folder, progress, context }: SweepMeasurement<Point>,
  onMeasured: (point: Point, measured: Measured) => void,
): Promise<void> {
  const { signal } = context
  const kept = new Map<Point, Measured>()
  const sessions = planSessions(points, seed)
  for (const [index, session] of sessions.entries()) {
    if (signal.aborted) return
    if (sessions.length > 1) {
      const labels = session.points.map(({ label }) => label).join(', ')
      progress.note(`deployment ${index + 1} of ${sessions.length}: ${labels}`)
    }
    const directory = sessions.length === 1 ? folder : join(folder, 'clusters', String(index + 1))
    makeFolder(directory)
    const cluster = await openCluster(directory, progress.note, signal)
    try {
      const found = await runPoints({
        client: cluster.client,
        points: session.points,
        rounds: session.rounds,
        workload,
        generatorImage,
        onEvent: progress.onEvent,
        signal,
      })
      for (const [at, measured] of found.entries()) {
        const point = session.points[at] as Point
        const whole = joined(kept.get(point), measured)
        kept.set(point, whole)
        onMeasured(point, whole)
      }
    } finally {
      progress.end()
      await cluster.stop()
    }
  }
}

/** Windows of a later session behind those of earlier ones. */
function joined(before: Measured | undefined, now: Measured): Measured {
  if (before === undefined) return now
  const modes = [...now.modes].map(([mode, { windows }]): [Mode, MeasuredMode] => {
    const earlier = before.modes.get(mode)
    const offset = before.order?.length ?? 0
    return [
      mode,
      {
        windows: [
          ...(earlier?.windows ?? []),
          ...windows.map((window) => ({ ...window, position: window.position + offset })),
        ],
      },
    ]
  })
  const order = [...(before.order ?? []), ...(now.order ?? [])]
  return { cluster: now.cluster, modes: new Map(modes), order }
}
