import { existsSync } from 'node:fs'
import { UsageError } from '../errors.ts'
import { readConfigFile } from './file.ts'
import { configKeys, type Layer, type RawSettings, type Setting } from './keys.ts'

export const defaultConfigFile = 'meshbench.yaml'

export interface Configured {
  readonly raw: RawSettings
  /** By name, only what somebody said. */
  readonly settings: Layer
}

/** Flags over environment over file; defaults are filled in where options are settled. */
export function configure(
  flags: RawSettings & { readonly config?: string },
  env: Readonly<Record<string, string | undefined>>,
): Configured {
  const named = flags.config ?? env.MESHBENCH_CONFIG
  const file = named ?? (existsSync(defaultConfigFile) ? defaultConfigFile : undefined)
  const layers = [
    file === undefined ? new Map<string, Setting>() : readConfigFile(file),
    fromEnvironment(env),
    fromFlags(flags),
  ]
  const settings = layers.reduce(overrule)
  const raw = Object.fromEntries(
    [...settings].map(([name, { value }]) => [configKeys[name]?.key ?? name, value]),
  )
  return { raw: { ...raw, ...(flags.sweep === undefined ? {} : { sweep: flags.sweep }) }, settings }
}

/** What a setting decides besides itself: who asks for it does not want the lower layer's answer. */
const alsoDecides: Readonly<Record<string, readonly string[]>> = {
  rate: ['saturate'],
  saturate: ['rate'],
  quick: ['duration', 'rounds', 'warmup', 'warmup-max'],
  warmup: ['warmup-max'],
}

function overrule(lower: Layer, upper: Layer): Layer {
  const merged = new Map(lower)
  for (const [name, { value }] of upper) {
    if (value !== false) for (const other of alsoDecides[name] ?? []) merged.delete(other)
  }
  for (const [name, setting] of upper) merged.set(name, setting)
  return merged
}

function fromFlags(flags: RawSettings): Layer {
  return new Map(
    Object.entries(configKeys).flatMap(([name, { key }]) => {
      const value = flags[key]
      return value === undefined ? [] : [[name, { value, origin: `--${name}` }] as const]
    }),
  )
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Layer {
  return new Map(
    Object.entries(configKeys).flatMap(([name, { flag }]) => {
      const origin = `MESHBENCH_${name.toUpperCase().replaceAll('-', '_')}`
      const text = env[origin]
      if (text === undefined || text === '') return []
      return [[name, { value: flag === true ? flagOf(origin, text) : text, origin }] as const]
    }),
  )
}

function flagOf(origin: string, text: string): boolean {
  if (['1', 'true', 'yes'].includes(text)) return true
  if (['0', 'false', 'no'].includes(text)) return false
  throw new UsageError(`${origin} takes 1 or 0, not "${text}"`, `write ${origin}=1`)
}
