import { resolve } from 'node:path'
import { readResult } from '../../harness/result/read.ts'
import type { Result } from '../../harness/result/schema.ts'
import { type RoleCost, readSweep, type Sweep } from '../../harness/result/sweep.ts'
import { analyse, validWindows } from '../../reports/analyse.ts'
import {
  type Coefficients,
  istio124,
  measuredCoefficients,
} from '../../reports/cost-model/coefficients.ts'
import { fitCosts } from '../../reports/cost-model/fit.ts'
import { leastWindowsForVerdict } from '../../reports/judge.ts'
import { comparisonOf, describe } from '../../reports/wording/difference.ts'
import { plural } from '../../reports/wording/numbers.ts'
import { UsageError } from '../errors.ts'

/** Istio's figures are for answers of this size too. */
const estimatedBytes = 1024

/** The coefficients to count with; every figure made from them says where they are from. */
export function loadCoefficients(from: string | undefined): Coefficients {
  if (from === undefined) return istio124
  const { model, workload, source } = readModel(resolve(from))
  if (workload !== 'echo') {
    throw new UsageError(
      `${from} measured the workload ${workload}`,
      'estimate needs one whose requests pass each proxy once: meshbench run --sweep rate=100,300,1000',
    )
  }
  const found = measuredCoefficients(model, estimatedBytes, source)
  if (!('missing' in found)) return found
  throw new UsageError(
    `${from} has no valid window of the mode ${found.missing}`,
    'repeat it with --modes sidecar,ambient,waypoint',
  )
}

interface Model {
  readonly model: readonly RoleCost[]
  readonly workload: string
  readonly source: string
}

function readModel(path: string): Model {
  const sweep = readSweep(path)
  if (sweep !== undefined) {
    const { model, workload, points } = sweep
    const errors = model.flatMap(({ fitError }) => (fitError === null ? [] : [fitError]))
    const fit = `fit error up to ${Math.round(Math.max(0, ...errors) * 100)} %`
    const source = withDoubts(`measured here, simulated proxies, ${points.length} points, ${fit}`, [
      ...sweepDoubts(sweep),
      ...connectionsLeftOut(model),
    ])
    return { model, workload, source }
  }
  const run = analyse(readResult(path))
  const rate = run.options.ratePerSecond === null ? 'saturation' : `${run.options.ratePerSecond}/s`
  return {
    model: fitCosts([run], []),
    workload: run.options.workload,
    source: withDoubts(
      `measured here, simulated proxies, at ${rate} only: idle cost is inside the cost per request`,
      runDoubts(run),
    ),
  }
}

/** An estimate multiplies what it is given: that the run itself is in doubt goes with the figures. */
function withDoubts(source: string, doubts: readonly string[]): string {
  return [source, ...doubts].join('; ')
}

function sweepDoubts({ status, points }: Sweep): string[] {
  const bad = points.filter(({ verdict }) => verdict === 'invalid').length
  return [
    ...(status === 'complete' ? [] : ['the sweep was interrupted']),
    ...(bad === 0 ? [] : [`${bad} of the points not valid`]),
  ]
}

/** Nobody tells estimate how many connections a cluster keeps open, and their part is in no other cost. */
function connectionsLeftOut(model: readonly RoleCost[]): string[] {
  return model.some(({ coresPerConnection }) => (coresPerConnection ?? 0) > 0)
    ? ['what it found per open connection is not counted']
    : []
}

function runDoubts(run: Result): string[] {
  const windows = (['sidecar', 'ambient', 'waypoint'] as const).map(
    (mode) => validWindows(run.modes[mode]).length,
  )
  const fewest = Math.min(...windows)
  const cpu = comparisonOf(run, 'sidecar', 'ambient', 'proxyCpuMsPerThousand')
  const told = cpu !== undefined && describe(run, cpu).direction !== null
  return [
    ...(run.status === 'complete' ? [] : [`the run was ${run.status}`]),
    ...(run.validity.verdict === 'invalid' ? ['the run is not valid'] : []),
    ...(fewest >= leastWindowsForVerdict
      ? []
      : [`${plural(fewest, 'window')} of a mode, a verdict needs ${leastWindowsForVerdict}`]),
    ...(told ? [] : ['it found no difference in CPU between sidecar and ambient']),
  ]
}
