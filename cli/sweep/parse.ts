import { nearest } from '../../cluster/nearest.ts'
import { type SweepAxis, sweepAxes } from '../../harness/result/sweep.ts'
import { UsageError } from '../errors.ts'
import type { RawRunOptions } from '../run/settings.ts'

/** The option that an axis varies. */
export const optionOf: Readonly<Record<SweepAxis, keyof RawRunOptions>> = {
  rate: 'rate',
  payload: 'payload',
  connections: 'connections',
  replicas: 'replicas',
  'workloads-per-node': 'workloadsPerNode',
}

/** One option varied, every other as the command line says. */
export interface SweepPoint {
  readonly axis: SweepAxis
  /** As typed, so that `64KiB` stays what it is. */
  readonly text: string
}

const mostPoints = 24

/** `--sweep rate=100,300 --sweep payload=1k,64k`: each axis by itself, around the other options. */
export function parseSweeps(texts: readonly string[], raw: RawRunOptions): SweepPoint[] {
  if (raw.gates !== undefined) {
    throw new UsageError(
      '--sweep and --gates exclude each other',
      'run the sweep, then meshbench gate on the points that matter',
    )
  }
  const points = texts.flatMap((text) => parseSweep(text, raw))
  if (points.length <= mostPoints) return points
  throw new UsageError(
    `--sweep names ${points.length} points`,
    `every point is a whole run: name at most ${mostPoints}`,
  )
}

function parseSweep(text: string, raw: RawRunOptions): SweepPoint[] {
  const [name = '', list = ''] = text.split('=', 2)
  const axis = sweepAxes.find((known) => known === name)
  if (axis === undefined) {
    const meant = nearest(name, sweepAxes)
    throw new UsageError(
      `--sweep knows no "${name}"`,
      `${meant === undefined ? '' : `did you mean ${meant}? `}write for example --sweep rate=100,300,1000; axes: ${sweepAxes.join(', ')}`,
    )
  }
  if (axis === 'rate' && raw.saturate === true) {
    throw new UsageError('--sweep rate and --saturate exclude each other', 'leave one of them out')
  }
  const values = [...new Set(list.split(',').map((value) => value.trim()))]
  if (values.length < 2 || values.includes('')) {
    throw new UsageError(
      `--sweep ${text} needs two values or more`,
      `write for example --sweep ${axis}=${examples[axis]}`,
    )
  }
  return values.map((value) => ({ axis, text: value }))
}

const examples: Readonly<Record<SweepAxis, string>> = {
  rate: '100,300,1000',
  payload: '1k,16k,64k',
  connections: '4,16,64',
  replicas: '1,2,4',
  'workloads-per-node': '1,2,4',
}
