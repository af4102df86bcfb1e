import type { Result } from '../../harness/result/schema.ts'
import type { Sweep } from '../../harness/result/sweep.ts'
import type { Chart } from '../charts/chart.ts'
import { chartBuilders } from '../charts/charts.ts'
import { drawSvg } from '../charts/svg.ts'
import { type Colour, palette } from '../palette.ts'
import { sweepCharts } from '../sweep/charts.ts'
import { wrap } from '../terminal/layout.ts'

const widthPx = 640
const lineHeightPx = 20
const charactersPerLine = 76

export interface SvgFile {
  readonly name: string
  readonly content: string
}

/** Every chart as a file of its own, in light colours: slides and documents have no style sheet. */
export async function chartFiles(result: Result): Promise<SvgFile[]> {
  const charts = Object.values(chartBuilders).flatMap((build) => build(result) ?? [])
  const { tool, options, startedAt } = result
  return await filesOf(
    charts,
    `meshbench ${tool.version} \u00b7 ${options.workload} \u00b7 ${startedAt.slice(0, 10)}`,
  )
}

export async function sweepChartFiles(sweep: Sweep): Promise<SvgFile[]> {
  const { tool, workload } = sweep
  return await filesOf(sweepCharts(sweep), `meshbench ${tool.version} \u00b7 ${workload}`)
}

async function filesOf(charts: readonly Chart[], foot: string): Promise<SvgFile[]> {
  return await Promise.all(
    charts.map(async (chart) => ({
      name: `charts/${chart.id}.svg`,
      content: await standalone(chart, foot),
    })),
  )
}

/** Finding and legend stand beside a drawing on the page; here they have to be in it. */
async function standalone(chart: Chart, foot: string): Promise<string> {
  const title = wrap(chart.finding, charactersPerLine, '').split('\n')
  const head = [
    ...title.map((text, index) => textAt(16, 28 + index * lineHeightPx, text, 'bold')),
    textAt(16, 28 + title.length * lineHeightPx, chart.subtitle, 'muted'),
  ]
  let top = 44 + title.length * lineHeightPx
  if (chart.legend.length > 0) {
    head.push(legend(chart, top + 12))
    top += lineHeightPx + 4
  }
  const drawings: string[] = []
  for (const panel of chart.panels) {
    if (panel.heading !== '') {
      drawings.push(textAt(16, top + 14, panel.heading, 'bold'))
      top += lineHeightPx
    }
    const svg = await drawSvg(panel.spec(widthPx).spec)
    const height = Number(/height="(\d+(?:\.\d+)?)"/.exec(svg)?.[1] ?? 0)
    drawings.push(svg.replace('<svg ', `<svg x="0" y="${top}" `))
    top += height
  }
  const height = top + 28
  return resolved(
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title" width="${widthPx}" height="${height}" viewBox="0 0 ${widthPx} ${height}" font-family="system-ui, sans-serif" font-size="13">
<title id="title">${xml(chart.finding)}</title>
<rect width="100%" height="100%" fill="var(--background)"/>
${[...head, ...drawings, textAt(16, height - 10, foot, 'muted')].join('\n')}
</svg>
`,
  )
}

function textAt(x: number, y: number, text: string, look: 'bold' | 'muted'): string {
  const style = look === 'bold' ? 'font-weight="600" fill="var(--text)"' : 'fill="var(--muted)"'
  return `<text x="${x}" y="${y}" ${style}>${xml(text)}</text>`
}

function legend({ legend: entries }: Chart, y: number): string {
  let x = 16
  return entries
    .map(({ label, colour, outline }) => {
      const fill = outline === true ? `fill="none" stroke="${colour}"` : `fill="${colour}"`
      const entry = `<rect x="${x}" y="${y - 10}" width="12" height="12" ${fill}/><text x="${x + 18}" y="${y}" fill="var(--text)">${xml(label)}</text>`
      x += 36 + 7 * label.length
      return entry
    })
    .join('')
}

function resolved(svg: string): string {
  return svg.replaceAll(/var\(--([a-z-]+)\)/g, (_, name: string) => palette[name as Colour][0])
}

function xml(text: string): string {
  return text
    .replaceAll(/\p{Cc}/gu, '\u00b7')
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
