import { isObject, members } from './json.ts'

/** A selector as `kubectl -l` takes it, keys in order: `app=web,tier in (a,b),!canary`. */
export function selectorText(selector: unknown): string {
  const { matchLabels, matchExpressions } = isObject(selector) ? selector : {}
  const equal = Object.entries(isObject(matchLabels) ? matchLabels : {}).map(
    ([key, value]) => [key, `${key}=${value}`] as const,
  )
  const expressions = members(matchExpressions).map(
    (it) => [String(it.key), expressionText(it)] as const,
  )
  const all = [...equal, ...expressions].toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))
  return all.map(([, text]) => text).join(',') || '<none>'
}

function expressionText({ key, operator, values }: Readonly<Record<string, unknown>>): string {
  const set = Array.isArray(values) ? values.map(String).toSorted().join(',') : ''
  if (operator === 'In') return `${key} in (${set})`
  if (operator === 'NotIn') return `${key} notin (${set})`
  return operator === 'DoesNotExist' ? `!${key}` : String(key)
}
