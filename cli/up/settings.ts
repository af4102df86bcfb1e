import { resolve } from 'node:path'
import { nearest } from '../../cluster/nearest.ts'
import { type Mode, modes } from '../../harness/modes.ts'
import { UsageError } from '../errors.ts'
import { parseNumber } from '../values/number.ts'

/** `meshbench up` as typed. */
export interface RawUpOptions {
  readonly workload?: string
  readonly entry?: string
  readonly mode?: string
  readonly replicas?: string
  readonly rate?: string
  readonly istioSemantics?: boolean
  readonly kubeconfig?: string
}

/** Light: enough to see, little to pay for. */
export const defaultUpRatePerSecond = 20

export interface UpSettings {
  readonly workload: string
  readonly entry?: string
  readonly mode: Mode
  readonly replicas: number | null
  readonly ratePerSecond: number
  readonly istioSemantics: boolean
  readonly kubeconfigCopy?: string
}

export function settleUpOptions(raw: RawUpOptions): UpSettings {
  return {
    workload: raw.workload ?? 'shop',
    ...(raw.entry === undefined ? {} : { entry: raw.entry }),
    mode: parseMode(raw.mode ?? 'baseline'),
    replicas:
      raw.replicas === undefined
        ? null
        : parseNumber('--replicas', raw.replicas, { min: 1, max: 32, integer: true }),
    ratePerSecond: parseNumber('--rate', raw.rate ?? String(defaultUpRatePerSecond), {
      min: 0.1,
      max: 50_000,
    }),
    istioSemantics: raw.istioSemantics === true,
    ...(raw.kubeconfig === undefined ? {} : { kubeconfigCopy: resolve(raw.kubeconfig) }),
  }
}

function parseMode(text: string): Mode {
  const mode = modes.find((each) => each === text)
  if (mode !== undefined) return mode
  const meant = nearest(text, modes)
  throw new UsageError(
    `--mode: there is no mode "${text}"`,
    `${meant === undefined ? '' : `did you mean ${meant}? `}modes: ${modes.join(', ')}`,
  )
}
