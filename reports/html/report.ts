import type { Mode } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { readBundles } from '../charts/bundles.ts'
import { modesOf } from '../wording/run.ts'
import { clientScript } from './client.ts'
import { html, jsonScript, type Markup } from './markup.ts'
import { pageHtml } from './page.ts'
import { guarded, section } from './section.ts'
import { cardsPart } from './sections/cards.ts'
import { comparisonPart } from './sections/comparison.ts'
import { environmentPart, rawPart } from './sections/environment.ts'
import { figuresPart } from './sections/figures.ts'
import { gatesPart } from './sections/gates.ts'
import { methodPart } from './sections/method.ts'
import { badge, verdictPart, warningsPart } from './sections/verdict.ts'

export interface HtmlOptions {
  /** Brings the vega bundles (0.8 MB) for drawings that answer to the pointer. */
  readonly interactive: boolean
}

export async function reportHtml(result: Result, { interactive }: HtmlOptions): Promise<string> {
  const { markup: figures, specs } = await figuresPart(result)
  const bundles = interactive ? await readBundles() : []
  const warnings = guarded('Warnings', () => warningsPart(result))
  const { word, tone } = badge(result)
  const { gates } = result
  const name = result.options.workload
  return pageHtml({
    title: `${name} \u00b7 ${modesOf(result).join(', ')} \u00b7 ${result.startedAt.slice(0, 10)} \u00b7 meshbench`,
    name,
    badge: html`<span class="badge ${tone}">${word}</span>`,
    links: [
      ...(gates === undefined ? [] : [['gates', 'Gates'] as const]),
      ['figures', 'Figures'],
      ['comparison', 'Table'],
      ['charts', 'Charts'],
      ['method', 'Method'],
      ['environment', 'Environment'],
    ],
    tools: modesOf(result).length < 2 ? null : modeFilter(modesOf(result)),
    main: html`<h1>What ${modesOf(result).join(', ')} cost: ${name}</h1>
${guarded('Verdict', () => verdictPart(result))}
${gates === undefined ? null : section('gates', 'Gates', () => gatesPart(gates))}
${warnings === null ? null : section('warnings', 'Before you read the figures', () => warnings)}
${section('figures', 'Key figures', () => cardsPart(result))}
${section('comparison', 'Comparison', () => comparisonPart(result))}
${section('charts', 'Charts', () => figures)}
${section('method', 'Method', () => methodPart(result))}
${section('environment', 'Environment', () => environmentPart(result))}
${section('raw', 'Raw data', () => rawPart(result))}`,
    footer: `meshbench ${result.tool.version} \u00b7 Node ${result.environment.node} \u00b7 run ${result.runId}`,
    data: html`${jsonScript('result', withoutBulk(result))}
${interactive ? jsonScript('panels', specs) : null}`,
    scripts: [...bundles, clientScript],
  })
}

/** A mode put aside leaves cards, table and drawings; the verdict stays what it is. */
function modeFilter(shown: readonly Mode[]): Markup {
  return html`<details class="menu"><summary>Modes</summary><fieldset><legend>Show</legend>${shown.map(
    (mode) => html`<label><input type="checkbox" data-mode="${mode}" checked> ${mode}</label>`,
  )}</fieldset></details>`
}

/** Histograms and per-second points stay in result.json; the page carries what it shows. */
function withoutBulk(result: Result): unknown {
  const { modes, ...rest } = result
  return {
    ...rest,
    modes: Object.fromEntries(
      Object.entries(modes).map(([mode, { namespace, verified, summary }]) => [
        mode,
        { namespace, verified, summary },
      ]),
    ),
  }
}
