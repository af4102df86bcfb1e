import { z } from 'zod'
import type { Mode } from '../../harness/modes.ts'
import { type Window, window } from '../../harness/result/schema.ts'
import { type Metric, metrics } from '../metrics.ts'

type JsonSchema = z.core.JSONSchema.BaseSchema

/** Where a window is, not what was measured in it. */
const notMeasured = ['round', 'position', 'warmupMs']

/**
 * Every number of a window by its path in result.json, such as `cpu.ztunnel.usPerRequest`. Read from
 * the schema itself, so that a figure added there can be gated the same day.
 */
export const windowPaths: readonly string[] = pathsOf(
  z.toJSONSchema(window, { io: 'input' }),
).filter((path) => !notMeasured.includes(path))

/** The metrics of the report first, then every single figure of a window. */
export const gateMetricNames: readonly string[] = [...metrics.map(({ id }) => id), ...windowPaths]

export function gateMetric(name: string): Metric {
  const known = metrics.find(({ id }) => id === name)
  if (known !== undefined) return known
  return {
    id: name,
    title: name,
    unit: unitOf(name),
    better: 'none',
    digits: 3,
    show: 'unit',
    minimumEffect: { absolute: 0, ofBase: 0 },
    read: (found: Window, _: Mode) => numberAt(found, name),
  }
}

function numberAt(found: unknown, path: string): number | null {
  const value = path
    .split('.')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], found)
  return typeof value === 'number' ? value : null
}

function unitOf(path: string): string {
  const name = path.split('.').at(-1) ?? ''
  if (/Us($|P\d)/.test(name) || /LatencyUs|latencyUs|serviceTimeUs/.test(path)) {
    return name === 'n' ? 'requests' : 'us'
  }
  if (name === 'usPerRequest') return 'us'
  if (name.endsWith('Bytes')) return 'bytes'
  if (name.endsWith('Ms')) return 'ms'
  if (name.endsWith('Rate')) return 'req/s'
  if (name === 'cores' || name === 'processes') return name
  return ''
}

function pathsOf(schema: JsonSchema, at = ''): string[] {
  const forms = schema.anyOf ?? [schema]
  // `type` is a list where null is allowed.
  const types = forms.flatMap(({ type }) => type ?? [])
  if (types.includes('number') || types.includes('integer')) return [at]
  const shape = forms.find(({ type }) => type === 'object')
  if (shape === undefined) return []
  const below = (key: string): string => (at === '' ? key : `${at}.${key}`)
  const named = Object.entries(shape.properties ?? {})
  if (named.length > 0) {
    return named.flatMap(([key, value]) =>
      typeof value === 'object' ? pathsOf(value, below(key)) : [],
    )
  }
  const names = shape.propertyNames
  const inner = shape.additionalProperties
  if (typeof names !== 'object' || typeof inner !== 'object') return []
  return (names.enum ?? []).flatMap((key) => pathsOf(inner, below(String(key))))
}
