import type { Mode } from '../../../harness/modes.ts'
import type { Result } from '../../../harness/result/schema.ts'
import { type Metric, metrics } from '../../metrics.ts'
import { comparisonOf, describe, estimateText } from '../../wording/difference.ts'
import { fixed, formatNumber, typographic, unbroken } from '../../wording/numbers.ts'
import { mainPair, modesOf } from '../../wording/run.ts'
import { html, type Markup } from '../markup.ts'
import { scrollRegion } from '../section.ts'

const groups: readonly (readonly [title: string, test: (metric: Metric) => boolean])[] = [
  ['CPU', ({ id }) => id.includes('Cpu')],
  ['Memory', ({ id }) => id.endsWith('MiB') || id === 'proxyProcesses'],
  ['Latency', ({ id }) => id.startsWith('latency') || id.startsWith('service')],
  ['Load', ({ id }) => id === 'achievedRate' || id === 'failedShare'],
]

export function comparisonPart(result: Result): Markup {
  const pair = mainPair(result)
  const caption =
    pair === null
      ? 'Medians of the repeats with half the width of their 95 % interval.'
      : `Medians of the repeats with half the width of their 95 % interval. The difference is ${pair[1]} minus ${pair[0]} with its 95 % interval, in per cent of ${pair[0]} or in the unit of its row; ~ where none was detected.`
  return html`${scrollRegion(
    'Comparison of all modes',
    html`<table class="numbers" data-copy="comparison" data-sortable="comparison"><caption>${unbroken(caption)}</caption>
<thead><tr><th scope="col">Metric</th>${modesOf(result).map(
      (mode) => html`<th scope="col" class="mode-${mode} of-${mode}">${mode}</th>`,
    )}${
      pair === null
        ? null
        : html`<th scope="col">${pair[1]} vs ${pair[0]}</th><th scope="col" class="word">verdict</th><th scope="col">p</th><th scope="col">n</th>`
    }</tr></thead>
${groups.map(([title, test]) => group(result, title, metrics.filter(test), pair))}
</table>`,
  )}
<p class="actions"><button type="button" class="scripted" data-copies="comparison" hidden>Copy table as CSV</button></p>
${otherPairs(result, pair)}`
}

function group(
  result: Result,
  title: string,
  rows: readonly Metric[],
  pair: readonly [Mode, Mode] | null,
): Markup {
  const shown = modesOf(result)
  const known = rows.filter(({ id }) =>
    shown.some((mode) => (result.modes[mode]?.summary[id]?.n ?? 0) > 0),
  )
  if (known.length === 0) return html``
  return html`<tbody><tr class="group"><th scope="rowgroup" colspan="${
    1 + shown.length + (pair === null ? 0 : 4)
  }">${title}</th></tr>${known.map(
    (metric) =>
      html`<tr><th scope="row">${metric.title} <span class="unit">${metric.unit}</span></th>${shown.map(
        (mode) => {
          const { value, spread } = estimateText(
            metric,
            result.modes[mode]?.summary[metric.id],
            typographic,
          )
          return html`<td class="of-${mode}">${value} <span class="spread">${spread}</span></td>`
        },
      )}${pair === null ? null : differenceCells(result, pair, metric)}</tr>`,
  )}</tbody>`
}

const icons = { better: '\u2714 ', worse: '\u25b2 ', neutral: '' } as const

function differenceCells(
  result: Result,
  [base, other]: readonly [Mode, Mode],
  metric: Metric,
): Markup {
  const found = comparisonOf(result, base, other, metric.id)
  if (found === undefined) return html`<td></td><td></td><td></td><td></td>`
  const { amount, interval, word, tone, reason } = describe(result, found, typographic)
  return html`<td><span class="${tone}">${amount}</span> <span class="spread">${interval}</span></td><td class="word ${tone}">${icons[tone]}${word}${
    reason === '' ? null : html`<br><span class="small">${unbroken(reason)}</span>`
  }</td><td>${found.p === null ? 'n/a' : pText(found.p)}</td><td>${fixed(found.n, 0)}</td>`
}

function pText(p: number): string {
  return p < 0.001 ? '<0.001' : fixed(p, 3)
}

function otherPairs(result: Result, main: readonly [Mode, Mode] | null): Markup | null {
  const pairs = [...new Set(result.comparisons.map(({ base, other }) => `${base} ${other}`))]
    .map((pair) => pair.split(' ') as [Mode, Mode])
    .filter(([base, other]) => base !== main?.[0] || other !== main[1])
  if (pairs.length === 0) return null
  return html`<details><summary>The other comparisons: ${pairs
    .map(([base, other]) => `${other} vs ${base}`)
    .join(', ')}</summary>${pairs.map((pair) =>
    scrollRegion(`${pair[1]} compared with ${pair[0]}`, pairTable(result, pair)),
  )}</details>`
}

function pairTable(result: Result, pair: readonly [Mode, Mode]): Markup {
  const [base, other] = pair
  const rows = metrics.filter(({ id }) => (comparisonOf(result, base, other, id)?.n ?? 0) > 0)
  return html`<table class="numbers"><caption>${other} compared with ${base}</caption>
<thead><tr><th scope="col">Metric</th><th scope="col">${base}</th><th scope="col">${other}</th><th scope="col">difference</th><th scope="col" class="word">verdict</th><th scope="col">p</th><th scope="col">n</th></tr></thead>
<tbody>${rows.map((metric) => {
    const found = comparisonOf(result, base, other, metric.id)
    const write = (value: number | null | undefined): string =>
      value === null || value === undefined
        ? 'n/a'
        : formatNumber(value, metric.digits, typographic)
    return html`<tr><th scope="row">${metric.title} <span class="unit">${metric.unit}</span></th><td>${write(found?.baseValue)}</td><td>${write(found?.otherValue)}</td>${differenceCells(result, pair, metric)}</tr>`
  })}</tbody></table>`
}
