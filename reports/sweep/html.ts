import type { Sweep } from '../../harness/result/sweep.ts'
import { clientScript } from '../html/client.ts'
import { html, jsonScript, type Markup } from '../html/markup.ts'
import { pageHtml } from '../html/page.ts'
import { scrollRegion, section } from '../html/section.ts'
import { figure } from '../html/sections/figures.ts'
import { plural, unbroken } from '../wording/numbers.ts'
import { sweepCharts } from './charts.ts'
import { modelHeads, modelRows } from './model-table.ts'

/** `sweep.html`: how costs grow with one option, where ambient wins, and the costs fitted through it. */
export async function sweepHtml(sweep: Sweep): Promise<string> {
  const figures = await Promise.all(sweepCharts(sweep).map((chart) => figure(chart, {})))
  const axes = [...new Set(sweep.points.map(({ axis }) => axis))].join(', ')
  const { findings = [], points } = sweep
  const doubtful = points.filter(({ verdict }) => verdict !== 'valid')
  return pageHtml({
    title: `${sweep.workload} by ${axes} \u00b7 meshbench`,
    name: `${sweep.workload} by ${axes}`,
    badge: badge(sweep, doubtful.length),
    links: [
      ['charts', 'Charts'],
      ['model', 'Model'],
      ['points', 'Points'],
    ],
    main: html`<h1>What ${sweep.workload} costs by ${axes}</h1>
${findings.length === 0 ? html`<p>No two modes can be compared.</p>` : html`<p class="lead">${unbroken(findings[0] ?? '')}</p><ul>${findings.slice(1).map((text) => html`<li>${unbroken(text)}</li>`)}</ul>`}
${section('charts', 'Charts', () => html`<div class="figures">${figures}</div>`)}
${section('model', 'Fitted costs', () => modelPart(sweep))}
${section('points', 'Points', () => pointsTable(sweep))}`,
    footer: `meshbench ${sweep.tool.version} \u00b7 ${plural(points.length, 'point')}`,
    data: jsonScript('result', sweep),
    scripts: [clientScript],
  })
}

function badge({ status }: Sweep, doubtful: number): Markup {
  if (status !== 'complete') return html`<span class="badge worse">interrupted</span>`
  return doubtful === 0
    ? html`<span class="badge better">valid</span>`
    : html`<span class="badge warning">${plural(doubtful, 'point')} in doubt</span>`
}

function modelPart(sweep: Sweep): Markup {
  if (sweep.model.length === 0)
    return html`<p>No valid window with a proxy: nothing was fitted.</p>`
  return html`${scrollRegion(
    'Fitted costs per role',
    html`<table class="numbers"><caption>CPU and memory of each proxy role as a sum, fitted through all valid windows</caption><thead><tr>${modelHeads.map(
      (head) => html`<th scope="col">${head}</th>`,
    )}</tr></thead><tbody>${modelRows(sweep).map(
      ([role, ...cells]) =>
        html`<tr><th scope="row">${role ?? ''}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
    )}</tbody></table>`,
  )}
<p class="small">\u00b5s per request is all processes of a role on the path together. A dash was not varied and is inside it. The proxies are TypeScript: the structure carries over to a real mesh, the absolute values do not.</p>`
}

function pointsTable({ points, status }: Sweep): Markup {
  // The reports of an interrupted sweep's points are not made by themselves.
  const linked = status === 'complete'
  return scrollRegion(
    'Points of the sweep',
    html`<table class="texts"><caption>Every point is a run of its own with a report of its own</caption><thead><tr><th scope="col">point</th><th scope="col" class="word">verdict</th><th scope="col" class="word">report</th></tr></thead><tbody>${points.map(
      ({ axis, value, verdict, folder, runId }) =>
        html`<tr><th scope="row">${axis} ${value}</th><td class="word">${verdict}</td><td class="word">${linked ? html`<a href="${folder}/report.html">${runId}</a>` : runId}</td></tr>`,
    )}</tbody></table>`,
  )
}
