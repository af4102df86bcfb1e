import { type Child, html, Markup } from './markup.ts'
import { styleSheet } from './style.ts'

/** Nothing may be loaded, from anywhere: the page is one file, today and in ten years. */
const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

export interface Page {
  readonly title: string
  /** In the bar that stays in view. */
  readonly name: string
  readonly badge: Child
  /** Sections the bar leads to. */
  readonly links: readonly (readonly [id: string, label: string])[]
  readonly tools?: Child
  readonly main: Child
  readonly footer: string
  /** JSON for the scripts, then the scripts themselves. */
  readonly data?: Child
  readonly scripts: readonly string[]
}

export function pageHtml(page: Page): string {
  const { title, name, badge, links, tools = null, main, footer, data = null, scripts } = page
  return html`<!doctype html>
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
${badge}
<nav aria-label="Sections">${links.map(([id, label]) => html`<a href="#${id}">${label}</a>`)}</nav>
<div class="tools scripted" hidden>
${tools}
<select id="theme" aria-label="Theme"><option value="auto">Auto</option><option value="light">Light</option><option value="dark">Dark</option></select>
<button type="button" id="print">Print</button>
</div>
</div></header>
<main id="main" tabindex="-1">
${main}
</main>
<footer>${footer}</footer>
${data}
${scripts.map((script) => new Markup(`<script>${inScript(script)}</script>`))}
</body>
</html>
`.html
}

/** No bundle has one today; were it to come, the page would end in the middle of a library. */
function inScript(script: string): string {
  return script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
}
