import type { GateOutcome, GateReport } from '../../../harness/result/gates.ts'
import { countText, valuesText } from '../../gates/wording.ts'
import { unbroken } from '../../wording/numbers.ts'
import { html, type Markup } from '../markup.ts'
import { scrollRegion } from '../section.ts'

const marks = {
  pass: ['\u2714 pass', 'better'],
  warn: ['\u26a0 warn', 'warning'],
  fail: ['\u2716 fail', 'worse'],
  inconclusive: ['? not judged', 'warning'],
  off: ['off', 'neutral'],
} as const satisfies Record<GateOutcome['verdict'], readonly [string, string]>

export function gatesPart(report: GateReport): Markup {
  return html`<p>${countText(report)}, from <code>${report.file}</code>${
    report.baseline === null ? null : html` and the baseline <code>${report.baseline}</code>`
  }.</p>
${scrollRegion(
  'Gates',
  html`<table class="texts"><caption>A gate fails only when both the figure and the end of its 95\u00a0% interval are past the limit.</caption>
<thead><tr><th scope="col">Verdict</th><th scope="col">Gate</th><th scope="col">Expected</th><th scope="col">Found</th></tr></thead>
<tbody>${report.outcomes.map(outcomeRow)}</tbody></table>`,
)}
${report.notes.map((note) => html`<p class="small">${note}</p>`)}
<details><summary>All values</summary><ul>${report.outcomes.map(
    (outcome) => html`<li>${outcome.name}: ${valuesText(outcome)}</li>`,
  )}</ul></details>`
}

function outcomeRow({ verdict, name, expected, found, explanation }: GateOutcome): Markup {
  const [mark, tone] = marks[verdict]
  return html`<tr><td class="${tone}"><strong>${mark}</strong></td><th scope="row">${unbroken(name)}</th><td>${unbroken(expected)}</td><td>${unbroken(found)}${
    explanation === '' ? null : html`<br><span class="small">${explanation}</span>`
  }</td></tr>`
}
