import type { Result } from '../../../harness/result/schema.ts'
import { findingsOf } from '../../wording/findings.ts'
import { fixed, plural, seconds, typographic, unbroken } from '../../wording/numbers.ts'
import { alarm, connectionsText, loadText, mainPair } from '../../wording/run.ts'
import { verdictSentence } from '../../wording/verdict.ts'
import { type Child, html, type Markup } from '../markup.ts'

/** One word for the bar and the tab: what may be believed. */
export function badge(result: Result): { readonly word: string; readonly tone: string } {
  if (result.status !== 'complete') return { word: result.status, tone: 'worse' }
  const { verdict } = result.validity
  if (verdict === 'valid') {
    // The word alone, so that the bar still fits at 320 px.
    const warned = findingsOf(result).some(({ severity }) => severity === 'warning')
    return { word: 'valid', tone: warned ? 'warning' : 'better' }
  }
  return { word: verdict, tone: verdict === 'invalid' ? 'worse' : 'warning' }
}

/** A sentence on a run that must not be trusted comes after the reason, never before it. */
export function verdictPart(result: Result): Child {
  const raised = alarm(result)
  const { options, environment } = result
  const lead = html`<p class="lead">${unbroken(verdictSentence(result, typographic))}</p>`
  return [
    raised === null
      ? lead
      : html`<div class="alarm" role="note"><p><strong>\u26a0 ${raised}</strong></p>
<p>The figures below are shown for diagnosis only.</p></div>`,
    html`<p class="setting">${unbroken(
      [
        options.workload,
        loadText(result, typographic),
        connectionsText(options),
        `${plural(options.rounds, 'repeat')} of ${seconds(options.durationMs)}`,
        `Node ${environment.node.replace(/^v/, '')}`,
        plural(environment.cores, 'core'),
      ].join(' \u00b7 '),
    )}</p>`,
    raised === null || mainPair(result) === null
      ? null
      : html`<details><summary>What the figures would say</summary>${lead}</details>`,
  ]
}

const words = { error: 'Error', warning: 'Warning', info: 'Note' } as const
const icons = { error: '\u2716', warning: '\u26a0', info: '\u2139' } as const

/** Before any chart: why a reader should hesitate. Notes are folded. */
export function warningsPart(result: Result): Markup | null {
  const all = findingsOf(result)
  if (all.length === 0) return null
  const item = ({ severity, message, hint, where }: (typeof all)[number]): Markup =>
    html`<li class="${severity}"><strong>${icons[severity]} ${words[severity]}:</strong> ${sentence(message)}${
      where === '' ? null : html` <span class="where">(${where})</span>`
    }${hint === undefined ? null : html`<br><span class="hint">${sentence(hint)}</span>`}</li>`
  const grave = all.filter(({ severity }) => severity !== 'info')
  const notes = all.filter(({ severity }) => severity === 'info')
  return html`${grave.length === 0 ? null : html`<ul class="findings">${grave.map(item)}</ul>`}${
    notes.length === 0
      ? null
      : html`<details><summary>${fixed(notes.length, 0)} ${notes.length === 1 ? 'note' : 'notes'}</summary><ul class="findings">${notes.map(item)}</ul></details>`
  }`
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
