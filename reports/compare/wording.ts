import { leastWindowsForVerdict } from '../judge.ts'
import { comparisonOf, type DifferenceText, describeAs } from '../wording/difference.ts'
import { ascii, formatNumber, type NumberStyle, plural, signed } from '../wording/numbers.ts'
import { mainPair } from '../wording/run.ts'
import type { Change, RunComparison } from './compare.ts'

export interface ChangeText extends DifferenceText {
  readonly before: string
  readonly after: string
}

export function changeText(
  { compared, metric, direction }: Change,
  comparable: boolean,
  style: NumberStyle = ascii,
): ChangeText {
  const write = (value: number | null): string =>
    value === null ? 'n/a' : formatNumber(value, metric.digits, style)
  const text = describeAs(compared, direction, style)
  return {
    ...text,
    word: comparable ? text.word : 'not comparable',
    before: write(compared.baseValue),
    after: write(compared.otherValue),
  }
}

export function isDifferent({ direction }: Change): boolean {
  return direction !== null
}

/** The answer in one sentence. */
export function compareSentence(found: RunComparison): string {
  const fewest = Math.max(0, ...found.changes.map(({ compared }) => compared.n))
  if (!found.comparable || fewest >= leastWindowsForVerdict) return mainSentence(found)
  return `${mainSentence(found)} With ${plural(fewest, 'window')} a side this is an indication; a verdict needs at least ${leastWindowsForVerdict}.`
}

function mainSentence({ comparable, changes, hardware, load, invalid }: RunComparison): string {
  if (invalid.length > 0) {
    return `${sentence(invalid.join(' and '))}: the figures stand side by side, for diagnosis only.`
  }
  if (!comparable) {
    const why = hardware.length > 0 ? 'on another machine' : 'under another load'
    const facts = [...hardware, ...load].join('; ')
    return `The new run was made ${why} (${facts}): the figures stand side by side, a difference between them says nothing.`
  }
  const found = changes.filter(isDifferent)
  if (found.length === 0) return `No difference detected in ${plural(changes.length, 'figure')}.`
  const tones = found.map((change) => changeText(change, true).tone)
  const worse = tones.filter((tone) => tone === 'worse').length
  const better = tones.filter((tone) => tone === 'better').length
  const counts = [
    worse > 0 ? `${worse} worse` : '',
    better > 0 ? `${better} better` : '',
    found.length > worse + better ? `${found.length - worse - better} different` : '',
  ].filter((text) => text !== '')
  return `${counts.join(', ')}: ${named(found)}. No difference detected in the other ${changes.length - found.length} figures.`
}

const mostNamed = 3

/** `proxy memory (PSS) of ambient +101 %`; the largest first, the rest counted. */
function named(found: readonly Change[]): string {
  const size = ({ compared: { ratio } }: Change): number =>
    ratio === null || ratio === 0 ? Number.POSITIVE_INFINITY : Math.abs(Math.log(ratio))
  const largest = found.toSorted((a, b) => size(b) - size(a)).slice(0, mostNamed)
  const texts = largest.map((change) => {
    const { title } = change.metric
    const name = /^[A-Z][a-z]/.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title
    return `${name} of ${change.mode} ${changeText(change, true).amount}`
  })
  const rest = found.length - largest.length
  return [...texts, ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ')
}

/** Saving then and now, which a change of machine does not make meaningless. */
export function pairLines({ before, after }: RunComparison, style: NumberStyle = ascii): string[] {
  const pair = mainPair(after)
  if (pair === null) return []
  const [base, other] = pair
  return (['proxyCpuMsPerThousand', 'proxyPssMiB'] as const).flatMap((id) => {
    const [then, now] = [before, after].map((run) => {
      const found = comparisonOf(run, base, other, id)
      const ratio = found?.ratio ?? null
      return ratio === null ? null : signed(formatNumber(100 * (ratio - 1), 0, style))
    })
    if (then == null || now == null) return []
    const what = id === 'proxyPssMiB' ? 'proxy memory' : 'proxy CPU per request'
    return [`${other} against ${base}, ${what}: ${then} % then, ${now} % now`]
  })
}

export function environmentLines(found: RunComparison): string[] {
  return [
    ...found.hardware.map((text) => `machine: ${text}`),
    ...found.load.map((text) => `load: ${text}`),
    ...found.software.map((text) => `software: ${text}`),
    ...found.missing.map((text) => `modes: ${text}`),
    ...(found.missing.length > 0 && found.comparable
      ? ['memory: not judged, a mode holds less where it takes turns with others']
      : []),
  ]
}

export const betweenRuns =
  'What happened between two runs (updates, temperature, neighbours) is not in their intervals, and of many figures a few differ by chance: trust what several agree on. A gate with several saved runs is stricter.'

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
