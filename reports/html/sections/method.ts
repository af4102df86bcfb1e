import type { Result } from '../../../harness/result/schema.ts'
import { validWindows } from '../../analyse.ts'
import { metrics } from '../../metrics.ts'
import { median } from '../../statistics/median.ts'
import { fixed, formatNumber, plural, seconds, typographic } from '../../wording/numbers.ts'
import { modesOf } from '../../wording/run.ts'
import { html, type Markup } from '../markup.ts'
import { scrollRegion } from '../section.ts'

/** The cuts that were chosen, where the warm-up was ended by the steady-state test. */
function warmUp(result: Result): string {
  const { warmupMs } = result.options
  const windows = Object.values(result.modes).flatMap((mode) => mode.windows)
  const judged = windows.flatMap(({ steady }) => (steady === undefined ? [] : [steady]))
  if (judged.length === 0) return `${seconds(warmupMs)} warm-up`
  const cuts = judged.map(({ cutMs }) => cutMs)
  const steady = judged.filter(({ reached }) => reached).length
  return `warm-up until neither median, rate nor CPU shows a slope or a step (${seconds(Math.min(...cuts))} to ${seconds(Math.max(...cuts))} here, steady in ${steady} of ${judged.length} windows)`
}

export function methodPart(result: Result): Markup {
  const { options, schedule, environment } = result
  const order = schedule.order.map(({ mode }) => mode[0]?.toUpperCase()).join('')
  return html`<h3>What is simulated</h3>
<p>The proxies are meshbench's own, written in TypeScript and running as Node processes; they are not Envoy, ztunnel or Istio. Every request crosses real sockets, real processes and mutual TLS. What carries over to a real mesh is the <em>structure</em> of the costs: how many proxies there are, how many hops and handshakes a request takes, who pays for what. Absolute milliseconds and cores do not.</p>
${reference()}
<h3>Experiment</h3>
<ul>
<li>${plural(options.rounds, 'round')} of ${options.modes.join(', ')}; the order within a round is random (seed ${String(schedule.seed)}), so that drift of the machine meets all modes alike. Order run: <code>${order}</code>.</li>
<li>Each window: ${warmUp(result)}, then ${seconds(options.durationMs)} measured. Nothing is trimmed by value.</li>
<li>${
    options.model === 'open'
      ? html`Open loop, ${options.arrivals} arrivals, ${plural(options.connections, 'connection')}: latency counts from the moment a request was <em>due</em>, so waiting behind a slow one is part of it.`
      : html`Closed loop, ${plural(options.connections, 'connection')}, each sending its next request when the last is answered: the latencies are service times under saturation.`
  }</li>
<li>${options.keepAlive ? 'Connections are kept alive' : 'A new connection per request'}; ${fixed(options.requestBytes, 0, typographic)} bytes sent, ${options.responseBytes === null ? 'answers as large as the workload makes them' : `${fixed(options.responseBytes, 0, typographic)} received`}; ${options.replicas === null ? 'replicas as the workload says' : plural(options.replicas, 'replica')}${(options.workloadsPerNode ?? 1) > 1 ? `; ${options.workloadsPerNode} workloads on the server's node, of which one gets the load and the others idle` : ''}; load and workload on ${options.sameNode === true ? 'one node, so that in ambient modes one ztunnel does both ends' : 'two nodes'}.</li>
<li>CPU from ${environment.cpuSource}, read at the edges of each window. Memory from ${environment.memorySource}.</li>
</ul>
<h3>Statistics</h3>
<ul>
<li>One window is one observation. A mode's figure is the median of its windows, its interval a bootstrap percentile interval with small-sample expansion.</li>
<li>From 6 rounds on, the two windows of each round are subtracted from each other: what slowed a whole round is then no noise. A difference is the Hodges-Lehmann estimate of these (fewer rounds: of all windows of one mode against all of the other), so it may differ slightly from the subtraction of two medians. p comes from an exact permutation test of the signed ranks (fewer rounds: of the rank sum).</li>
<li>\u201cless\u201d and \u201cmore\u201d are said only with at least 4 windows a side, an interval without zero, p \u2264 0.032 (about 2 alarms in 100 comparisons of a mode with itself), and a difference above both the noise floor and the least effect worth speaking of. \u201cNo difference detected\u201d does not mean equal.</li>
<li>The noise floor is what a mode shows against itself: A/A comparisons resampled from the repeats within each mode. The floor of a comparison comes from the two modes it compares alone: what their rounds would show if the modes were equal.</li>
<li>PSS divides each shared page by its sharers and can be added up. Many Node processes share one binary: ten idle proxies show 47 MB RSS but 14 MB PSS each, so summed RSS would overstate them more than three times.</li>
</ul>
${noiseTable(result)}
${accountTable(result)}
${proof(result)}`
}

/** https://istio.io/v1.24/docs/ops/deployment/performance-and-scalability/ */
function reference(): Markup {
  return html`<details><summary>Istio's own published figures, for reference</summary>
${scrollRegion(
  'Published figures of Istio',
  html`<table class="numbers"><caption>Istio 1.24 performance page: per proxy at 1000 requests per second, 1 KB, mutual TLS, 2 worker threads. Other hardware and other proxies than here.</caption>
<thead><tr><th scope="col">proxy</th><th scope="col">vCPU</th><th scope="col">memory, MB</th></tr></thead>
<tbody><tr><th scope="row">sidecar (Envoy)</th><td>0.20</td><td>60</td></tr><tr><th scope="row">waypoint (Envoy)</th><td>0.25</td><td>60</td></tr><tr><th scope="row">ztunnel (Rust)</th><td>0.06</td><td>12</td></tr></tbody></table>`,
)}</details>`
}

function noiseTable(result: Result): Markup | null {
  const rows = metrics.flatMap((metric) => {
    const found = result.noise[metric.id]
    return found === undefined ? [] : [{ metric, found }]
  })
  if (rows.length === 0) return null
  const shown = modesOf(result)
  return html`<details><summary>Noise floors</summary>${scrollRegion(
    'Noise floors',
    html`<table class="numbers"><caption>How far each mode differs from itself. A difference below the floor of its two modes is never called one.</caption>
<thead><tr><th scope="col">Metric</th>${shown.map((mode) => html`<th scope="col">${mode}</th>`)}<th scope="col">from</th></tr></thead><tbody>${rows.map(
      ({ metric, found }) =>
        html`<tr><th scope="row">${metric.title} <span class="unit">${metric.unit}</span></th>${shown.map(
          (mode) => {
            const floor = found.modes?.[mode]
            return html`<td>${floor === undefined ? 'n/a' : formatNumber(floor, metric.digits + 1, typographic)}</td>`
          },
        )}<td class="word">${found.source}</td></tr>`,
    )}</tbody></table>`,
  )}</details>`
}

/** Does the CPU account close? What no role burned is shown, not hidden. */
function accountTable(result: Result): Markup | null {
  const rows = modesOf(result).flatMap((mode) => {
    const accounts = validWindows(result.modes[mode]).flatMap(({ nodeCpu }) => nodeCpu ?? [])
    const busy = median(accounts.map(({ busyUs, wallMs }) => busyUs / wallMs / 1000))
    if (busy === null || busy === 0) return []
    const percent = (read: (account: (typeof accounts)[number]) => number): string => {
      const value = median(accounts.map((account) => (100 * read(account)) / account.busyUs)) ?? 0
      return `${fixed(value, 1, typographic)} %`
    }
    return [
      html`<tr><th scope="row">${mode}</th><td>${formatNumber(busy, 3, typographic)}</td><td>${percent(({ attributedUs }) => attributedUs)}</td><td>${percent(({ interruptUs }) => interruptUs)}</td><td>${percent(({ remainderUs }) => remainderUs)}</td></tr>`,
    ]
  })
  if (rows.length === 0) return null
  return html`<details><summary>Does the CPU account close?</summary>${scrollRegion(
    'CPU account of the machine',
    html`<table class="numbers"><caption>Busy time of the whole machine and how much of it the measured processes explain, medians over the windows.</caption>
<thead><tr><th scope="col">mode</th><th scope="col">busy, cores</th><th scope="col">processes</th><th scope="col">interrupts</th><th scope="col">not attributed</th></tr></thead><tbody>${rows}</tbody></table>`,
  )}</details>`
}

function proof(result: Result): Markup {
  return html`<details><summary>How each mode was verified</summary><ul>${modesOf(result).map(
    (mode) => {
      const verified = result.modes[mode]?.verified
      return html`<li><strong>${mode}</strong> ${verified?.ok === true ? '\u2714 verified' : '\u2716 not verified'}${
        (verified?.evidence.length ?? 0) === 0
          ? null
          : html`<ul>${verified?.evidence.map((line) => html`<li>${line}</li>`) ?? []}</ul>`
      }</li>`
    },
  )}</ul></details>`
}
