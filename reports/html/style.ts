import { cssVariables } from '../palette.ts'

/** The one style sheet. Layout reflows at 320 px; tables scroll in their own regions. */
export function styleSheet(): string {
  return `${cssVariables()}
:root[data-theme=light] { color-scheme: light; }
:root[data-theme=dark] { color-scheme: dark; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-padding-top: 3.5rem; }
body { margin: 0; background: var(--background); color: var(--text); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
code, pre { font: .875em/1.5 ui-monospace, "Cascadia Mono", Menlo, monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .75rem; background: var(--surface); border-radius: .375rem; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; z-index: 3; padding: .5rem 1rem; background: var(--background); }
.topbar { position: sticky; top: 0; z-index: 2; background: var(--background); border-bottom: 1px solid var(--line); }
.topbar > div { display: flex; gap: .5rem 1rem; align-items: center; max-width: 72rem; margin: auto; padding: .4rem 1.25rem; }
.topbar .name { font-weight: 600; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.topbar nav { display: none; gap: 1rem; margin-left: auto; font-size: .875rem; }
.topbar .tools { display: flex; gap: .5rem; margin-left: auto; }
.topbar .product { display: none; }
.badge { padding: 0 .5rem; border: 1px solid; border-radius: 1rem; font-size: .8125rem; white-space: nowrap; }
button, select { min-height: 1.875rem; padding: .125rem .625rem; border: 1px solid var(--line); border-radius: .375rem; background: var(--surface); color: inherit; font: inherit; font-size: .875rem; cursor: pointer; }
button:hover, select:hover { border-color: var(--muted); }
main, footer { max-width: 72rem; margin: auto; padding: 1.25rem; }
footer { color: var(--muted); font-size: .875rem; border-top: 1px solid var(--line); }
h1 { margin: 1rem 0 .25rem; font-size: 1.125rem; font-weight: 600; color: var(--muted); }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.375rem; line-height: 1.25; }
h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; line-height: 1.35; }
.permalink { color: var(--muted); text-decoration: none; font-weight: 400; opacity: 0; }
h2:hover .permalink, .permalink:focus { opacity: 1; }
.lead { margin: .25rem 0 .5rem; font-size: clamp(1.125rem, .9rem + 1vw, 1.5rem); line-height: 1.4; max-width: 56rem; text-wrap: pretty; }
.setting, .subtitle, .unit, .spread, .small, .where, .hint, .heading { color: var(--muted); }
.setting { margin: 0; }
.alarm { margin: .5rem 0; padding: .75rem 1rem; border: 2px solid var(--worse); border-radius: .5rem; color: var(--worse); }
.alarm p { margin: 0; font-size: 1.125rem; }
.better { color: var(--better); }
.worse { color: var(--worse); }
.warning { color: var(--warning); }
.unavailable { padding: .75rem 1rem; border: 1px dashed var(--line); border-radius: .5rem; color: var(--muted); }
.findings { margin: 0; padding: 0; list-style: none; }
.findings li { margin: .375rem 0; padding: .5rem .875rem; border-left: 4px solid var(--muted); background: var(--surface); color: var(--text); }
.findings .error { border-color: var(--worse); }
.findings .warning { border-color: var(--warning); }
.findings .error strong { color: var(--worse); }
.findings .warning strong { color: var(--warning); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1rem; }
.card, figure { margin: 0; min-width: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .625rem; background: var(--background); }
.card { display: flex; flex-direction: column; }
.card h3 { margin: 0 0 .5rem; }
.card .unit, th .unit { font-weight: 400; font-size: .8125rem; }
.card dl { margin: 0 0 .5rem; }
.card dl div { display: grid; grid-template-columns: 4.75rem 1fr; align-items: baseline; line-height: 1.6; }
.card dt { font-size: .875rem; }
.card dd { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .375rem; min-width: 0; margin: 0; font-variant-numeric: tabular-nums; }
.card .value { font-weight: 600; }
.bar { align-self: center; flex: none; height: .625rem; min-width: 2px; border-radius: .125rem; background: var(--mode); }
.mode-baseline { --mode: var(--mode-baseline); }
.mode-sidecar { --mode: var(--mode-sidecar); }
.mode-ambient { --mode: var(--mode-ambient); }
.mode-waypoint { --mode: var(--mode-waypoint); }
.mode-waypoint .bar { background: repeating-linear-gradient(90deg, var(--mode) 0 5px, transparent 5px 8px); }
.small, .spread { font-size: .8125rem; }
.spread { white-space: nowrap; }
.card .small { margin: 0 0 .5rem; }
.card .small.worse { color: var(--worse); }
.change { margin: auto 0 0; padding-top: .5rem; border-top: 1px solid var(--line); font-size: .9375rem; }
.change.neutral { color: var(--muted); }
.change span { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 0 .75rem; }
.interval { width: 6rem; height: .625rem; overflow: visible; }

.change.better .interval { color: var(--better); }
.change.worse .interval { color: var(--worse); }
.interval .axis { stroke: var(--line); }
.interval .zero { stroke: var(--muted); }
.interval rect, .interval circle { fill: currentColor; }
.interval rect { opacity: .5; }
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .9375rem; }
caption { padding: .25rem 0 .5rem; color: var(--muted); font-size: .875rem; text-align: left; max-width: min(52rem, 100vw - 5.25rem); }
th, td { padding: .3125rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, .word { text-align: left; }
td.word { min-width: 8rem; white-space: normal; }
thead th { white-space: normal; }
thead th { border-bottom: 2px solid var(--line); font-size: .875rem; vertical-align: bottom; }
thead th[class^=mode] { box-shadow: inset 0 3px var(--mode); }
tbody th { font-weight: 400; }
tbody th[scope=row] { min-width: 8rem; white-space: normal; }
.group th { padding-top: .875rem; font-weight: 600; }
.numbers { font-variant-numeric: tabular-nums; }
.scroll .numbers th:first-child { position: sticky; left: 0; background: var(--background); }
.actions { margin: .5rem 0; }
summary { padding: .25rem 0; cursor: pointer; color: var(--link); }
details p { margin: .25rem 0 .5rem; max-width: 44rem; }
.figures { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25rem; }
.setting + .figures { margin-top: .75rem; }
figure { display: flex; flex-direction: column; }
figcaption h3 { margin: 0; font-size: 1.0625rem; text-wrap: pretty; }
.subtitle { margin: .125rem 0 .5rem; font-size: .875rem; }
.heading { margin: 0; font-size: .875rem; font-weight: 600; }
.panels { display: grid; grid-template-columns: minmax(0, 1fr); gap: .5rem 1.5rem; container-type: inline-size; margin-bottom: auto; }
.panel { min-width: 0; }
.panel svg { display: block; max-width: 100%; height: auto; }
.still.wide svg { width: 100%; max-width: 40rem; }
.still.wide, .panel.is-live .still { display: none; }
.panel:not(.is-live) .live { display: none; }
@container (min-width: 26rem) { .still.wide { display: block; } .still.narrow { display: none; } .panel.is-live .still.wide { display: none; } }
.downloads { margin: 0 0 .375rem; font-size: .8125rem; color: var(--muted); }
.downloads button { min-height: 1.5rem; min-width: 2.5rem; font-size: .8125rem; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0 0 .375rem; padding: 0; list-style: none; font-size: .875rem; }
.swatch { display: inline-block; width: .875rem; height: .875rem; margin-right: .375rem; border-radius: .125rem; vertical-align: -.125rem; background: var(--swatch); }
.swatch.outline { background: none; border: 1px dashed var(--swatch); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: .375rem 1.5rem; margin: 0; }
.facts div { border-bottom: 1px solid var(--line); padding-bottom: .25rem; min-width: 0; }
.facts dt { color: var(--muted); font-size: .8125rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
#vg-tooltip-element { position: fixed; z-index: 4; visibility: hidden; padding: .375rem .625rem; border: 1px solid var(--line); border-radius: .375rem; background: var(--background); color: var(--text); font-size: .8125rem; box-shadow: 0 2px 8px rgb(0 0 0 / .2); }
#vg-tooltip-element.visible { visibility: visible; }
#vg-tooltip-element table { font-size: inherit; }
#vg-tooltip-element td { padding: .0625rem .25rem; border: 0; }
@media (max-width: 24rem) { #print { display: none; } }
@media (min-width: 30rem) { .topbar .product { display: inline; } }
@media (max-width: 30rem) { .topbar > div { flex-wrap: wrap; } }
@media (min-width: 48rem) { .topbar nav { display: flex; } .topbar .tools { margin-left: 0; } }
@media (min-width: 60rem) {
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .double, #failures { grid-column: 1 / -1; }
  .double .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); container-type: normal; }
  .double .panel { container-type: inline-size; }
}
[data-hide~=baseline] .of-baseline, [data-hide~=sidecar] .of-sidecar, [data-hide~=ambient] .of-ambient, [data-hide~=waypoint] .of-waypoint { display: none; }
.menu { position: relative; font-size: .875rem; white-space: nowrap; }
.menu summary { min-height: 1.875rem; line-height: 1.625rem; padding: .0625rem .625rem; border: 1px solid var(--line); border-radius: .375rem; background: var(--surface); }
.menu fieldset { position: absolute; right: 0; z-index: 3; margin: .25rem 0 0; border: 1px solid var(--line); border-radius: .375rem; background: var(--background); }
.menu label, .scale { display: flex; align-items: center; gap: .375rem; min-height: 1.75rem; cursor: pointer; white-space: nowrap; }
.scale { font-size: .875rem; color: var(--muted); }
.panel:not(.is-live) .live-only { display: none; }
th button { white-space: nowrap; min-height: 1.5rem; padding: 0 .25rem; border: 0; background: none; font-weight: inherit; }
th button::after { content: " \\2195"; content: " \\2195" / ""; opacity: .45; }
th[aria-sort=ascending] button::after { content: " \\2191"; content: " \\2191" / ""; opacity: 1; }
th[aria-sort=descending] button::after { content: " \\2193"; content: " \\2193" / ""; opacity: 1; }
.texts th, .texts td { text-align: left; white-space: normal; min-width: 6rem; vertical-align: top; }
@media (forced-colors: active) { .bar, .swatch { forced-color-adjust: none; } }
@media print {
  :root { color-scheme: light; }
  .topbar, .actions, .skip, .permalink, .downloads { display: none; }
  body { font-size: 10pt; }
  main { padding: 0; }
  figure, .card { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  .spread, th button { white-space: normal; }
  th button { padding: 0; }
  th button::after { content: none; }
  table { max-width: 100%; font-size: 8pt; }
  thead th, caption { font-size: 8pt; }
  table .small, table .spread, table .unit { font-size: 7pt; }
  th, td, td.word { min-width: 0; padding: .1875rem .25rem; white-space: normal; }
}`
}
