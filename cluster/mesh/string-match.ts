import type { StringMatch } from '../../proxies/config/mesh-state.ts'

/** Istio's notation: `*` any value, `*x` suffix, `x*` prefix; a leading asterisk wins. */
export function stringMatch(text: string): StringMatch {
  if (text === '*') return { Presence: [] }
  if (text.startsWith('*')) return { Suffix: text.slice(1) }
  if (text.endsWith('*')) return { Prefix: text.slice(0, -1) }
  return { Exact: text }
}
