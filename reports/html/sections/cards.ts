import type { Mode } from '../../../harness/modes.ts'
import type { Comparison, Result } from '../../../harness/result/schema.ts'
import { type MetricId, metricOf } from '../../metrics.ts'
import {
  comparisonOf,
  type DifferenceText,
  describe,
  estimateText,
} from '../../wording/difference.ts'
import { fixed, plural, typographic } from '../../wording/numbers.ts'
import { failures, mainPair, modesOf } from '../../wording/run.ts'
import { html, Markup } from '../markup.ts'

const cards: readonly MetricId[] = [
  'proxyCpuCores',
  'proxyCpuMsPerThousand',
  'proxyPssMiB',
  'latencyP50Ms',
  'latencyP99Ms',
  'achievedRate',
]

export function cardsPart(result: Result): Markup {
  return html`<div class="cards">${cards.map((id) => card(result, id))}</div>`
}

function card(result: Result, id: MetricId): Markup {
  const metric = metricOf(id)
  const shown = modesOf(result)
  const most = Math.max(...shown.map((mode) => result.modes[mode]?.summary[id]?.value ?? 0))
  return html`<article class="card">
<h3>${metric.title} <span class="unit">${metric.unit}</span></h3>
<dl>${shown.map((mode) => {
    const estimate = result.modes[mode]?.summary[id]
    const { value, spread } = estimateText(metric, estimate, typographic)
    const share = most > 0 ? (100 * (estimate?.value ?? 0)) / most : 0
    return html`<div class="mode-${mode} of-${mode}"><dt>${mode}</dt><dd><span class="bar" style="width:${fixed(share * 0.32, 1)}%"></span><span class="value">${value}</span> <span class="spread">${[spread, beside(result, mode, id)].filter((text) => text !== '').join(' \u00b7 ')}</span></dd></div>`
  })}</dl>
${smallPrint(result, id)}
${change(result, id)}
</article>`
}

/** PSS means little without the number of processes that share. */
function beside(result: Result, mode: Mode, id: MetricId): string {
  const count = result.modes[mode]?.summary.proxyProcesses?.value ?? 0
  return id === 'proxyPssMiB' && count > 0 ? plural(count, 'process', 'processes') : ''
}

/** What a headline hides: RSS behind PSS, failures behind a rate. */
function smallPrint(result: Result, id: MetricId): Markup | null {
  if (id === 'proxyPssMiB') {
    const metric = metricOf('proxyRssMiB')
    const parts = modesOf(result).flatMap((mode) => {
      const estimate = result.modes[mode]?.summary[metric.id]
      if (estimate?.value === 0) return []
      return [`${mode} ${estimateText(metric, estimate, typographic).value}`]
    })
    if (parts.length === 0) return null
    return html`<p class="small">Summed RSS: ${parts.join(' \u00b7 ')}</p>`
  }
  if (id !== 'achievedRate') return null
  const failed = modesOf(result).map((mode) => ({ mode, ...failures(result, mode) }))
  const total = failed.reduce((sum, entry) => sum + entry.failed, 0)
  const arrivals = failed.reduce((sum, entry) => sum + entry.arrivals, 0)
  return total === 0
    ? html`<p class="small">No request failed, of ${fixed(arrivals, 0, typographic)}.</p>`
    : html`<p class="small worse">\u2716 Failed: ${failed
        .filter((entry) => entry.failed > 0)
        .map((entry) => `${entry.mode} ${fixed(entry.failed, 0, typographic)}`)
        .join(', ')} of ${fixed(arrivals, 0, typographic)} requests</p>`
}

const arrows = { less: '\u25bc', more: '\u25b2' } as const

function change(result: Result, id: MetricId): Markup | null {
  const pair = mainPair(result)
  const found = pair && comparisonOf(result, pair[0], pair[1], id)
  if (!found) return null
  const text = describe(result, found, typographic)
  return html`<p class="change ${text.tone}"><strong>${
    text.direction === null ? text.amount : `${arrows[text.direction]} ${text.amount}`
  }</strong> ${toneWord(text)}<span class="small">${pairName(pair)}${
    text.interval === '' || text.direction === null ? '' : ` ${text.interval}`
  }${text.reason === '' ? '' : `: ${text.reason}`} ${intervalBar(found)}</span></p>`
}

function toneWord({ tone, word, direction }: DifferenceText): string {
  if (direction === null) return word
  return word.replace(direction, tone)
}

function pairName(pair: readonly [Mode, Mode] | null): string {
  return pair === null ? '' : `${pair[1]} vs ${pair[0]}`
}

/** The interval against zero: what does not touch the line in the middle is a difference. */
function intervalBar({ ciLow, ciHigh, difference }: Comparison): Markup | null {
  if (ciLow === null || ciHigh === null || difference === null) return null
  const reach = Math.max(Math.abs(ciLow), Math.abs(ciHigh)) * 1.1
  if (reach === 0) return null
  const at = (value: number): string => fixed(60 + (60 * value) / reach, 1)
  const width = fixed(Math.max(2, (60 * (ciHigh - ciLow)) / reach), 1)
  return new Markup(
    `<svg class="interval" viewBox="0 0 120 10" aria-hidden="true" focusable="false">` +
      `<line x1="0" x2="120" y1="5" y2="5" class="axis"/><line x1="60" x2="60" y1="0" y2="10" class="zero"/>` +
      `<rect x="${at(ciLow)}" width="${width}" y="3" height="4" rx="2"/>` +
      `<circle cx="${at(difference)}" cy="5" r="3"/></svg>`,
  )
}
