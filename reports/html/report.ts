import type { Result } from '../../harness/result/schema.ts'
import { readBundles } from '../charts/bundles.ts'
import { modesOf } from '../wording/run.ts'
import { clientScript } from './client.ts'
import { html, jsonScript, Markup } from './markup.ts'
import { guarded, section } from './section.ts'
import { cardsPart } from './sections/cards.ts'
import { comparisonPart } from './sections/comparison.ts'
import { environmentPart, rawPart } from './sections/environment.ts'
import { figuresPart } from './sections/figures.ts'
import { gatesPart } from './sections/gates.ts'
import { methodPart } from './sections/method.ts'
import { badge, verdictPart, warningsPart } from './sections/verdict.ts'
import { styleSheet } from './style.ts'

/** Nothing may be loaded, from anywhere: the page is one file, today and in ten years. */
const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

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
  const title = `${name} \u00b7 ${modesOf(result).join(', ')} \u00b7 ${result.startedAt.slice(0, 10)} \u00b7 meshbench`
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Markup(styleSheet())}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header class="topbar"><div>
<span class="name"><span class="product">meshbench \u00b7 </span>${name}</span>
<span class="badge ${tone}">${word}</span>
<nav aria-label="Sections"><a href="#figures">Figures</a> <a href="#comparison">Table</a> <a href="#charts">Charts</a> <a href="#method">Method</a> <a href="#environment">Environment</a></nav>
<div class="tools scripted" hidden>
<select id="theme" aria-label="Theme"><option value="auto">Auto</option><option value="light">Light</option><option value="dark">Dark</option></select>
<button type="button" id="print">Print</button>
</div>
</div></header>
<main id="main" tabindex="-1">
<h1>What ${modesOf(result).join(', ')} cost: ${name}</h1>
${guarded('Verdict', () => verdictPart(result))}
${gates === undefined ? null : section('gates', 'Gates', () => gatesPart(gates))}
${warnings === null ? null : section('warnings', 'Before you read the figures', () => warnings)}
${section('figures', 'Key figures', () => cardsPart(result))}
${section('comparison', 'Comparison', () => comparisonPart(result))}
${section('charts', 'Charts', () => figures)}
${section('method', 'Method', () => methodPart(result))}
${section('environment', 'Environment', () => environmentPart(result))}
${section('raw', 'Raw data', () => rawPart(result))}
</main>
<footer>meshbench ${result.tool.version} \u00b7 Node ${result.environment.node} \u00b7 run ${result.runId}</footer>
${jsonScript('result', withoutBulk(result))}
${interactive ? jsonScript('panels', specs) : null}
${[...bundles, clientScript].map((script) => new Markup(`<script>${inScript(script)}</script>`))}
</body>
</html>
`
  return page.html
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

/** No bundle has one today; were it to come, the page would end in the middle of a library. */
function inScript(script: string): string {
  return script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
}
