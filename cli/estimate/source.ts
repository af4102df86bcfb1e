import { resolve } from 'node:path'
import { readResult } from '../../harness/result/read.ts'
import { type RoleCost, readSweep } from '../../harness/result/sweep.ts'
import {
  type Coefficients,
  istio124,
  measuredCoefficients,
} from '../../reports/cost-model/coefficients.ts'
import { fitCosts } from '../../reports/cost-model/fit.ts'
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
    const source = `measured here, simulated proxies, ${points.length} points, ${fit}`
    return { model, workload, source }
  }
  const run = readResult(path)
  const rate = run.options.ratePerSecond === null ? 'saturation' : `${run.options.ratePerSecond}/s`
  return {
    model: fitCosts([run], []),
    workload: run.options.workload,
    source: `measured here, simulated proxies, at ${rate} only: idle cost is inside the cost per request`,
  }
}
