import { createHash } from 'node:crypto'
import type { KubeObject } from '../../cluster/objects.ts'

/** The same for equal values whatever the order of their keys. */
export function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex')
}

/** JSON with sorted keys and without undefined fields: equal texts mean equal values. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`)
  return `{${fields.join(',')}}`
}

/** Written by controllers and clients for themselves: says nothing about what an object is to do. */
const noise = [
  /^kubectl\.kubernetes\.io\/last-applied-configuration$/,
  /^deployment\.kubernetes\.io\//,
  /^deprecated\.daemonset\.template\.generation$/,
  /^control-plane\.alpha\.kubernetes\.io\//,
]

/** An object without what changes by itself: no status, no versions, no owners of fields. */
export function essence({ metadata, status, ...rest }: KubeObject): unknown {
  const { name, namespace, labels = {}, annotations = {} } = metadata
  const kept = Object.entries(annotations).filter(([key]) => !noise.some((one) => one.test(key)))
  return { ...rest, metadata: { name, namespace, labels, annotations: Object.fromEntries(kept) } }
}
