import { isObject, sameJson } from '../../cluster/api/json.ts'
import type { KubeObject } from '../../cluster/objects.ts'

/** One field that a call has changed; undefined stands for absent. */
export interface FieldChange {
  readonly path: readonly string[]
  readonly from: unknown
  readonly to: unknown
}

/** What the server keeps by itself. */
const SERVERS_OWN = new Set([
  'resourceVersion',
  'generation',
  'managedFields',
  'uid',
  'creationTimestamp',
  'selfLink',
])

/** Fields with other values; lists count as one value. Status, which controllers write, is left out. */
export function changesBetween(before: KubeObject, after: KubeObject): readonly FieldChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => !['apiVersion', 'kind', 'status'].includes(key))
    .flatMap((key) =>
      compare([key], before[key], after[key]).filter(
        ({ path }) => path[0] !== 'metadata' || !SERVERS_OWN.has(path[1] ?? ''),
      ),
    )
}

function compare(path: readonly string[], from: unknown, to: unknown): FieldChange[] {
  // A map that comes or goes as a whole is the sum of its members: others may add theirs.
  const [left, right] = [mapOf(from, to), mapOf(to, from)]
  const keys = left && right ? [...new Set([...Object.keys(left), ...Object.keys(right)])] : []
  if (left && right && keys.length > 0) {
    return keys.flatMap((key) => compare([...path, key], left[key], right[key]))
  }
  return sameJson(from, to) ? [] : [{ path, from, to }]
}

function mapOf(value: unknown, other: unknown): Readonly<Record<string, unknown>> | undefined {
  if (isObject(value)) return value
  return value === undefined && isObject(other) ? {} : undefined
}

export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((found, key) => (isObject(found) ? found[key] : undefined), value)
}

/** https://www.rfc-editor.org/rfc/rfc6901 */
export function pointerTo(path: readonly string[]): string {
  return path.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
