import type { RawRunOptions } from '../run/settings.ts'

/** What a run can be told, and what belongs to the embedded cluster alone. */
export interface RawSettings extends RawRunOptions {
  readonly istioSemantics?: boolean
}

export type ConfigKey = Exclude<keyof RawSettings, 'sweep'>

/** Every setting as it is called in meshbench.yaml; `--name` and MESHBENCH_NAME elsewhere. */
export const configKeys: Readonly<
  Record<string, { readonly key: ConfigKey; readonly flag?: true }>
> = {
  workload: { key: 'workload' },
  entry: { key: 'entry' },
  modes: { key: 'modes' },
  replicas: { key: 'replicas' },
  'workloads-per-node': { key: 'workloadsPerNode' },
  'same-node': { key: 'sameNode', flag: true },
  rate: { key: 'rate' },
  saturate: { key: 'saturate', flag: true },
  connections: { key: 'connections' },
  'fresh-connections': { key: 'freshConnections', flag: true },
  payload: { key: 'payload' },
  duration: { key: 'duration' },
  warmup: { key: 'warmup' },
  'warmup-max': { key: 'warmupMax' },
  rounds: { key: 'rounds' },
  seed: { key: 'seed' },
  quick: { key: 'quick', flag: true },
  gates: { key: 'gates' },
  baseline: { key: 'baseline' },
  out: { key: 'out' },
  'istio-semantics': { key: 'istioSemantics', flag: true },
}

export const configNames: readonly string[] = Object.keys(configKeys)

export interface Setting {
  readonly value: string | boolean
  /** `--rate`, `MESHBENCH_RATE`, `meshbench.yaml:3:7`. */
  readonly origin: string
}

/** What one place says, by name. */
export type Layer = ReadonlyMap<string, Setting>
