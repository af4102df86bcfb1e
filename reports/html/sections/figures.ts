import type { Result } from '../../../harness/result/schema.ts'
import type { Chart, DataTable, Panel, PanelSpec } from '../../charts/chart.ts'
import { chartBuilders } from '../../charts/charts.ts'
import { drawSvg } from '../../charts/svg.ts'
import { unbroken } from '../../wording/numbers.ts'
import { html, Markup } from '../markup.ts'
import { scrollRegion, unavailable } from '../section.ts'

/** A figure is drawn twice, so that its text has the same size on a telephone and on a desk. */
const widthsPx = { wide: 504, narrow: 300 } as const

type Drawn = Record<keyof typeof widthsPx, PanelSpec>

export interface PanelSpecs extends Drawn {
  /** On the other kind of scale; only ever drawn by the script. */
  readonly other?: Drawn
}

export interface Figures {
  readonly markup: Markup
  /** What the script needs to draw them live, by the id in `data-panel`. */
  readonly specs: Readonly<Record<string, PanelSpecs>>
}

export async function figuresPart(result: Result): Promise<Figures> {
  const specs: Record<string, PanelSpecs> = {}
  const figures: Markup[] = []
  for (const [id, build] of Object.entries(chartBuilders)) {
    try {
      const chart = build(result)
      if (chart !== null) figures.push(await figure(chart, specs))
    } catch (error) {
      figures.push(html`<figure class="broken">${unavailable(id, error)}</figure>`)
    }
  }
  if (figures.length === 0) figures.push(html`<p>No window of this run can be drawn.</p>`)
  return { markup: html`<div class="figures">${figures}</div>`, specs }
}

export async function figure(chart: Chart, specs: Record<string, PanelSpecs>): Promise<Markup> {
  const panels = await Promise.all(
    chart.panels.map((panel, index) => drawPanel(panel, `${chart.id}-${index}`, specs)),
  )
  const title = `${chart.id}-title`
  return html`<figure id="${chart.id}" class="${chart.panels.length > 1 ? 'double' : 'single'}">
<figcaption><h3 id="${title}">${unbroken(chart.finding)}</h3><p class="subtitle">${chart.subtitle}</p></figcaption>
${legend(chart)}
<div class="panels" role="img" aria-labelledby="${title}">${panels}</div>
${downloads(chart.finding)}
<details><summary>How to read this</summary><p>${chart.reading}</p></details>
<details><summary>Data</summary>${scrollRegion(`Data: ${chart.finding}`, dataTable(chart.finding, chart.table))}</details>
</figure>`
}

async function drawPanel(
  { heading, spec, otherScale }: Panel,
  id: string,
  specs: Record<string, PanelSpecs>,
): Promise<Markup> {
  const drawn = { wide: spec(widthsPx.wide), narrow: spec(widthsPx.narrow) }
  const [wide, narrow] = await Promise.all([drawSvg(drawn.wide.spec), drawSvg(drawn.narrow.spec)])
  specs[id] = {
    ...drawn,
    ...(otherScale && {
      other: { wide: otherScale.spec(widthsPx.wide), narrow: otherScale.spec(widthsPx.narrow) },
    }),
  }
  return html`<div class="panel" data-panel="${id}">${
    heading === '' ? null : html`<p class="heading">${heading}</p>`
  }${otherScale === undefined ? null : scaleChoice(id, otherScale.isLog)}<div class="still wide">${new Markup(wide)}</div><div class="still narrow">${new Markup(narrow)}</div><div class="live"></div></div>`
}

/** The drawing as it is seen, with its finding and legend, in the colours of the moment. */
function downloads(finding: string): Markup {
  return html`<p class="downloads scripted" hidden>Save as ${['svg', 'png'].map(
    (type) =>
      html`<button type="button" data-save="${type}" aria-label="Save as ${type.toUpperCase()}: ${finding}">${type.toUpperCase()}</button> `,
  )}</p>`
}

/** Shown once the drawing can answer to it. */
function scaleChoice(id: string, isLog: boolean): Markup {
  return html`<label class="scale live-only"><input type="checkbox" data-scale="${id}"${
    isLog ? html` checked` : null
  }> logarithmic scale</label>`
}

function legend({ legend: entries }: Chart): Markup | null {
  if (entries.length === 0) return null
  return html`<ul class="legend">${entries.map(
    ({ label, colour, outline }) =>
      html`<li><span class="swatch ${outline === true ? 'outline' : ''}" style="--swatch:${colour}"></span>${label}</li>`,
  )}</ul>`
}

function dataTable(caption: string, { columns, rows }: DataTable): Markup {
  return html`<table class="numbers"><caption>${caption}</caption><thead><tr>${columns.map(
    (column) => html`<th scope="col">${column}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ([first, ...rest]) =>
      html`<tr><th scope="row">${first ?? ''}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table>`
}
