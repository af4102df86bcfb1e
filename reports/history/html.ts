import type { Result } from '../../harness/result/schema.ts'
import { clientScript } from '../html/client.ts'
import { html, jsonScript, type Markup } from '../html/markup.ts'
import { pageHtml } from '../html/page.ts'
import { scrollRegion, section } from '../html/section.ts'
import { figure } from '../html/sections/figures.ts'
import { type MetricId, metricOf } from '../metrics.ts'
import { plural } from '../wording/numbers.ts'
import { countLine, trendChart } from './chart.ts'
import { isTrustworthy, type Series, seriesOf } from './series.ts'

const charted: readonly MetricId[] = [
  'latencyP50Ms',
  'latencyP99Ms',
  'proxyCpuMsPerThousand',
  'proxyPssMiB',
  'achievedRate',
  'failedShare',
]

export interface Unread {
  readonly name: string
  readonly reason: string
}

/** `history.html`: all runs of a folder, apart by machine and load. */
export async function historyHtml(
  results: readonly Result[],
  unread: readonly Unread[],
  version: string,
): Promise<string> {
  const trusted = results.filter(isTrustworthy)
  const left = [
    ...results
      .filter((run) => !isTrustworthy(run))
      .map(({ runId, status, validity }) => ({
        name: runId,
        reason: status === 'complete' ? validity.verdict : status,
      })),
    ...unread,
  ]
  const all = seriesOf(trusted)
  const drawn = await Promise.all(all.map(async (series) => await trends(series)))
  const title = `History of ${plural(trusted.length, 'run')}`
  return pageHtml({
    title: `${title} \u00b7 meshbench`,
    name: title,
    badge: null,
    links: all.map(({ id }, index) => [id, `Series ${index + 1}`]),
    main: html`<h1>${title}</h1>
<p class="setting">Runs on another machine or under another load do not share a line: each such series stands apart, the newest first.</p>
${all.map((series, index) => section(series.id, series.title, () => drawn[index] ?? null))}
${left.length === 0 ? null : section('left-out', `Left out: ${plural(left.length, 'run')}`, () => leftOut(left))}`,
    footer: `meshbench ${version}`,
    data: jsonScript(
      'result',
      trusted.map(({ runId, startedAt }) => ({ runId, startedAt })),
    ),
    scripts: [clientScript],
  })
}

async function trends(series: Series): Promise<Markup> {
  const charts = charted.flatMap((id) => trendChart(series, metricOf(id)) ?? [])
  const figures = await Promise.all(charts.map((chart) => figure(chart, {})))
  return html`<p class="setting">${countLine(series)}</p><div class="figures">${figures}</div>`
}

function leftOut(left: readonly Unread[]): Markup {
  return scrollRegion(
    'Runs left out',
    html`<table class="texts"><caption>Runs that are not trusted or cannot be read</caption><thead><tr><th scope="col">run</th><th scope="col" class="word">why</th></tr></thead><tbody>${left.map(
      ({ name, reason }) =>
        html`<tr><th scope="row">${name}</th><td class="word">${reason}</td></tr>`,
    )}</tbody></table>`,
  )
}
