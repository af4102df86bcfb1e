import { type Mode, modes } from '../../harness/modes.ts'
import type { Finding, Result } from '../../harness/result/schema.ts'

export interface FindingText {
  readonly severity: Finding['severity']
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  /** The windows it was found in, as `sidecar round 2, 3`; empty for the run as a whole. */
  readonly where: string
}

const gravity: readonly Finding['severity'][] = ['error', 'warning', 'info']

/** Everything the run has to say against itself, worst first, one entry per cause. */
export function findingsOf(result: Result): FindingText[] {
  const ofWindows = modes.flatMap((mode) =>
    (result.modes[mode]?.windows ?? []).flatMap((window) =>
      window.findings.map((finding) => ({ mode, round: window.round, ...finding })),
    ),
  )
  const groups = new Map<string, Finding[]>()
  for (const finding of [...result.validity.findings, ...ofWindows]) {
    const key = `${finding.severity} ${finding.code}`
    groups.set(key, [...(groups.get(key) ?? []), finding])
  }
  return [...groups.values()]
    .map((group) => ({ ...summary(group), where: whereText(result, group) }))
    .sort((a, b) => gravity.indexOf(a.severity) - gravity.indexOf(b.severity))
}

/** A run-wide message speaks for its windows; without one the first window's does. */
function summary(group: readonly Finding[]): Omit<FindingText, 'where'> {
  const first = group.find(({ round }) => round === undefined) ?? group[0]
  return {
    severity: first?.severity ?? 'info',
    code: first?.code ?? '',
    message: first?.message ?? '',
    hint: group.find(({ hint }) => hint !== undefined)?.hint,
  }
}

function whereText(result: Result, group: readonly Finding[]): string {
  const inAll = (mode: Mode, rounds: readonly number[]): boolean =>
    rounds.length > 1 && rounds.length === result.modes[mode]?.windows.length
  const places = modes.flatMap((mode) => {
    const found = group.filter((finding) => finding.mode === mode)
    if (found.length === 0) return []
    const rounds = [...new Set(found.flatMap(({ round }) => round ?? []))].sort((a, b) => a - b)
    const all = rounds.length === 0 || inAll(mode, rounds)
    return [all ? mode : `${mode} round ${rounds.join(', ')}`]
  })
  const everywhere = modes.filter((mode) => result.modes[mode] !== undefined).join('; ')
  return places.length > 1 && places.join('; ') === everywhere ? 'every mode' : places.join('; ')
}
