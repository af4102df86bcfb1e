import { clientScript } from '../html/client.ts'
import { html, jsonScript, type Markup } from '../html/markup.ts'
import { pageHtml } from '../html/page.ts'
import { scrollRegion, section } from '../html/section.ts'
import { plural, typographic, unbroken } from '../wording/numbers.ts'
import type { Change, RunComparison } from './compare.ts'
import {
  betweenRuns,
  changeText,
  compareSentence,
  environmentLines,
  isDifferent,
  pairLines,
} from './wording.ts'

/** `compare.html`: what differs is open, the rest folded under its count. */
export function compareHtml(found: RunComparison): string {
  const { before, after, comparable } = found
  const different = found.changes.filter(isDifferent)
  const same = found.changes.filter((change) => !isDifferent(change))
  const environment = environmentLines(found)
  const pairs = pairLines(found, typographic)
  const name = after.options.workload
  return pageHtml({
    title: `${name} \u00b7 ${before.runId} and ${after.runId} \u00b7 meshbench`,
    name,
    badge: comparable ? null : html`<span class="badge warning">not comparable</span>`,
    links: [
      ['changes', 'Changes'],
      ['surroundings', 'Environment'],
    ],
    main: html`<h1>What changed: ${name}</h1>
${
  comparable
    ? html`<p class="lead">${unbroken(compareSentence(found))}</p>`
    : html`<div class="alarm" role="note"><p><strong>\u26a0 ${compareSentence(found)}</strong></p></div>`
}
<p class="setting">${before.runId} \u2192 ${after.runId}</p>
${section('changes', 'Changes', () => [
  different.length === 0 ? null : table('What differs', different, comparable),
  same.length === 0
    ? null
    : html`<details${comparable ? null : html` open`}><summary>${
        comparable
          ? `No difference detected: ${plural(same.length, 'figure')}`
          : `Side by side: ${plural(same.length, 'figure')}`
      }</summary>${table(comparable ? 'The other figures' : 'All figures of both runs', same, comparable)}</details>`,
  pairs.length === 0
    ? null
    : html`<h3>The same comparison in both runs</h3>
<ul>${pairs.map((text) => html`<li>${unbroken(text)}</li>`)}</ul>`,
])}
${section('surroundings', 'Environment', () => [
  environment.length === 0
    ? html`<p>Machine, load and software are the same.</p>`
    : html`<ul>${environment.map((text) => html`<li>${text}</li>`)}</ul>`,
  html`<p class="small">${betweenRuns}</p>`,
])}`,
    footer: `meshbench ${after.tool.version} \u00b7 runs ${before.runId} and ${after.runId}`,
    data: jsonScript('result', { before: before.runId, after: after.runId }),
    scripts: [clientScript],
  })
}

const icons = { better: '\u2714 ', worse: '\u25b2 ', neutral: '' } as const

function table(caption: string, changes: readonly Change[], comparable: boolean): Markup {
  return scrollRegion(
    caption,
    html`<table class="numbers" data-sortable="changes"><caption>${caption}</caption>
<thead><tr><th scope="col">Figure</th><th scope="col" class="word">mode</th><th scope="col">old</th><th scope="col">new</th>${
      comparable ? html`<th scope="col">change</th><th scope="col" class="word">verdict</th>` : null
    }</tr></thead>
<tbody>${changes.map((change) => {
      const { before, after, amount, interval, word, tone } = changeText(
        change,
        comparable,
        typographic,
      )
      return html`<tr><th scope="row">${change.metric.title} <span class="unit">${change.metric.unit}</span></th><td class="word">${change.mode}</td><td>${before}</td><td>${after}</td>${
        comparable
          ? html`<td><span class="${tone}">${amount}</span> <span class="spread">${interval}</span></td><td class="word ${tone}">${icons[tone]}${word}</td>`
          : null
      }</tr>`
    })}</tbody></table>`,
  )
}
