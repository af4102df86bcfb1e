import type { LabelSelector } from '../kinds.ts'

export type Labels = Readonly<Record<string, string>>

/** An empty map selects nothing here: a Service without selector has no pods of its own. */
export function matchesMap(selector: Labels | undefined, labels: Labels | undefined): boolean {
  const pairs = Object.entries(selector ?? {})
  return pairs.length > 0 && pairs.every(([key, value]) => labels?.[key] === value)
}

export function matchesSelector(selector: LabelSelector, labels: Labels = {}): boolean {
  const pairs = Object.entries(selector.matchLabels ?? {})
  if (!pairs.every(([key, value]) => labels[key] === value)) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
    const value = labels[key]
    switch (operator) {
      case 'Exists':
        return value !== undefined
      case 'DoesNotExist':
        return value === undefined
      case 'In':
        return value !== undefined && (values ?? []).includes(value)
      case 'NotIn':
        return value === undefined || !(values ?? []).includes(value)
      default:
        return false
    }
  })
}

/** Every wanted pair is there; nothing wanted matches anything (a nodeSelector). */
export function hasLabels(wanted: Labels | undefined, labels: Labels | undefined): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value)
}
