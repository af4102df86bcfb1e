import type { RunOptions } from '../../harness/result/schema.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import {
  defaultConnections,
  defaultDuration,
  defaultPayload,
  defaultRatePerSecond,
  defaultRounds,
  defaultWarmupMax,
  quick,
  type RawRunOptions,
  settleRunOptions,
} from '../run/settings.ts'
import { formatDuration } from '../values/duration.ts'
import { configNames } from './keys.ts'
import { configure } from './layers.ts'

/** Every setting a run would have now, and who said so. */
export async function printConfig(
  flags: RawRunOptions & { readonly config?: string },
  context: CommandContext,
): Promise<number> {
  const { raw, settings } = configure(flags, context.env)
  const defaults = defaultsOf(raw, settleRunOptions(raw, []))
  const rows = configNames.map((name) => {
    const said = settings.get(name)
    return { name, value: said?.value ?? defaults[name] ?? null, origin: said?.origin ?? 'default' }
  })
  context.out(
    context.json
      ? JSON.stringify(Object.fromEntries(rows.map(({ name, ...row }) => [name, row])))
      : layOut(rows),
  )
  return exitCodes.ok
}

function defaultsOf(
  raw: RawRunOptions,
  { warmupMs }: RunOptions,
): Readonly<Record<string, string | boolean>> {
  const short = raw.quick === true
  return {
    workload: 'echo',
    modes: 'baseline,sidecar,ambient,waypoint',
    saturate: false,
    quick: false,
    'istio-semantics': false,
    connections: String(defaultConnections),
    'fresh-connections': false,
    duration: short ? quick.duration : defaultDuration,
    rounds: String(short ? quick.rounds : defaultRounds),
    warmup: formatDuration(warmupMs),
    'warmup-max': raw.warmup ?? (short ? quick.warmupMax : defaultWarmupMax),
    'workloads-per-node': '1',
    'same-node': false,
    seed: 'random',
    out: '.meshbench',
    ...(raw.saturate === true ? {} : { rate: String(defaultRatePerSecond) }),
    ...(raw.workload === undefined ? { payload: defaultPayload, replicas: '1' } : {}),
  }
}

interface Row {
  readonly name: string
  readonly value: string | boolean | null
  readonly origin: string
}

function layOut(rows: readonly Row[]): string {
  const text = ({ value }: Row): string => (value === null ? '-' : String(value))
  const name = Math.max(...rows.map((row) => row.name.length))
  const value = Math.max(...rows.map((row) => text(row).length))
  return rows
    .map((row) => `${row.name.padEnd(name)}  ${text(row).padEnd(value)}  ${row.origin}`)
    .join('\n')
}
