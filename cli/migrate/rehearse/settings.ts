import type { RawRehearseOptions } from '../../commands/migrate/rehearse.ts'
import { UsageError } from '../../errors.ts'
import { parseDurationMs } from '../../values/duration.ts'
import { parseNumber } from '../../values/number.ts'
import { acceptOf } from '../accept.ts'
import { endingsOf, namespacesOf } from '../namespaces.ts'
import { defaultRehearsalRate, defaultSettle } from './defaults.ts'

export interface RehearseSettings {
  readonly namespace: string
  readonly ratePerSecond: number
  readonly settleMs: number
  readonly istioSemantics: boolean
  readonly restartWorkloads: boolean
  readonly waypoint: 'auto' | 'always' | 'never'
  readonly endings: ReturnType<typeof endingsOf>
  readonly rollback: boolean
  readonly accept: readonly string[]
  readonly out: string
}

export function settleRehearseOptions(raw: RawRehearseOptions): RehearseSettings {
  const [namespace = '', ...others] = namespacesOf(raw)
  if (others.length > 0) {
    throw new UsageError(
      'one namespace is rehearsed at a time',
      'give --namespace once; the others are best rehearsed one after the other',
    )
  }
  const sources = [raw.workload, raw.fromFiles, raw.kubeconfig ?? raw.context]
  if (sources.filter((source) => source !== undefined).length > 1) {
    throw new UsageError(
      '--workload, --from-files and a cluster exclude each other',
      'say only one of them: where the namespace comes from',
    )
  }
  return {
    namespace,
    ratePerSecond: parseNumber('--rate', raw.rate ?? String(defaultRehearsalRate), {
      min: 6,
      max: 20_000,
    }),
    settleMs: parseDurationMs('--settle', raw.settle ?? defaultSettle, {
      minMs: 500,
      maxMs: 600_000,
    }),
    istioSemantics: raw.istioSemantics ?? false,
    restartWorkloads: raw.restartWorkloads ?? false,
    waypoint: raw.waypoint ?? 'auto',
    endings: endingsOf(raw),
    rollback: raw.rollback ?? false,
    accept: acceptOf(raw),
    out: raw.out ?? '.meshbench/rehearsals',
  }
}
