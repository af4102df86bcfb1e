import type { Rehearsal, Usage } from '../../migration/result/rehearsal.ts'
import { html, type Markup } from '../html/markup.ts'
import { scrollRegion } from '../html/section.ts'
import { fixed, formatNumber, plural, seconds, typographic } from '../wording/numbers.ts'
import { duration, rehearsalVerdict, roleOrder, share, stepName, tail } from './wording.ts'

const count = (value: number): string => fixed(value, 0, typographic)

export function verdictPart(record: Rehearsal): Markup {
  const { verdict, reasons, options, environment } = record
  const sentence = rehearsalVerdict(record, typographic)
  const setting = [
    `${count(options.ratePerSecond)} req/s open loop`,
    `${plural(record.callers.length, 'lane')} of callers`,
    options.istioSemantics ? 'semantics of Istio' : 'live takeover',
    options.restartWorkloads ? 'rolling restarts' : 'no restarts asked for',
    `Node ${environment.node.replace(/^v/, '')}`,
    plural(environment.cores, 'core'),
  ]
  return html`${
    verdict === 'clean'
      ? html`<p class="lead">${sentence}</p>`
      : html`<div class="alarm" role="note"><p><strong>\u26a0 ${sentence}</strong></p></div>`
  }${reasons.length === 0 ? null : html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
<p class="setting">${setting.join(' \u00b7 ')}</p>`
}

export function stepsPart({ steps, baseline }: Rehearsal): Markup {
  const rows = steps.map(
    (step) =>
      html`<tr><th scope="row">${stepName(step)}<br><span class="small">${step.title}</span>${
        step.reason === undefined ? null : html`<br><span class="small worse">${step.reason}</span>`
      }</th><td class="word">${step.outcome}</td><td>${duration(step.durationMs, typographic)}</td><td>${count(step.requests)}</td><td${
        step.failedRequests > 0 ? html` class="worse"` : null
      }>${count(step.failedRequests)}${causes(step.failures)}</td><td>${count(step.retriedRequests)}</td><td>${count(step.longestGapMs)}</td><td>${tail(step.latencyUs.before, typographic)}</td><td>${tail(step.latencyUs.during, typographic)}</td><td>${tail(step.latencyUs.after, typographic)}</td><td>${count(step.podsRestarted)}</td></tr>`,
  )
  return html`${scrollRegion(
    'What callers saw of each step',
    html`<table class="numbers"><caption>A request belongs to the step in force when it was due, a failure to the one in force when it broke. Latency is the 99th percentile from the moment a request was due, or the longest where fewer than ten samples lie beyond it. Before the first step: ${count(baseline.requests)} requests, ${count(baseline.failedRequests)} failed, longest gap ${count(baseline.longestGapMs)} ms.</caption>
<thead><tr><th scope="col">Step</th><th scope="col" class="word">Outcome</th><th scope="col">Took</th><th scope="col">Requests</th><th scope="col">Failed</th><th scope="col">Sent again</th><th scope="col">Longest gap, ms</th><th scope="col">p99 before, ms</th><th scope="col">during</th><th scope="col">after</th><th scope="col">Pods restarted</th></tr></thead><tbody>${rows}</tbody></table>`,
  )}
<details><summary>What proved each step</summary><ul>${steps.map(
    (step) =>
      html`<li><strong>${stepName(step)}</strong>: ${step.evidence.length === 0 ? 'nothing to prove' : step.evidence.join('; ')}</li>`,
  )}</ul></details>`
}

function causes(failures: Readonly<Record<string, number>>): Markup | null {
  const all = Object.entries(failures)
  if (all.length === 0) return null
  const text = all.slice(0, 4).map(([cause, times]) => `${cause}: ${count(times)}`)
  return html`<br><span class="small">${text.join(', ')}${all.length > 4 ? ', \u2026' : ''}</span>`
}

export function callersPart({ callers, failed, expectedGapMs }: Rehearsal): Markup {
  return html`${scrollRegion(
    'Callers',
    html`<table class="numbers"><caption>Each lane is one caller on one kind of connection; one answer every ${count(expectedGapMs)} ms is its pace.</caption>
<thead><tr><th scope="col">Caller</th><th scope="col" class="word">Connections</th><th scope="col" class="word">At first on</th><th scope="col" class="word">Migrated</th><th scope="col">Requests</th><th scope="col">Failed</th><th scope="col">Sent again</th><th scope="col">Longest gap, ms</th></tr></thead><tbody>${callers.map(
      (caller) =>
        html`<tr><th scope="row">${caller.name}<br><span class="small">${caller.namespace}</span></th><td class="word">${caller.connections === 'kept' ? 'kept alive' : 'new each time'}</td><td class="word">${caller.mesh === 'none' ? 'no mesh' : caller.mesh}</td><td class="word">${caller.moves ? 'yes' : 'no'}</td><td>${count(caller.requests)}</td><td>${count(caller.failedRequests)}</td><td>${count(caller.retriedRequests)}</td><td>${count(caller.longestGapMs)}</td></tr>`,
    )}</tbody></table>`,
  )}${failedTable(failed)}`
}

function failedTable(failed: Rehearsal['failed']): Markup | null {
  if (failed.length === 0) return null
  return html`<details><summary>${failed.length === 100 ? 'The first 100 failed requests' : plural(failed.length, 'failed request')}</summary>${scrollRegion(
    'Failed requests',
    html`<table class="numbers"><caption>Due at, from the beginning of the load.</caption><thead><tr><th scope="col">Due, s</th><th scope="col" class="word">Step</th><th scope="col" class="word">Caller</th><th scope="col" class="word">Connection</th><th scope="col" class="word">Cause</th><th scope="col">After, ms</th></tr></thead><tbody>${failed.map(
      ({ atMs, step, caller, connections, cause, waitedMs }) =>
        html`<tr><th scope="row">${fixed(atMs / 1000, 2, typographic)}</th><td class="word">${step}</td><td class="word">${caller}</td><td class="word">${connections}</td><td class="word">${cause}</td><td>${count(waitedMs)}</td></tr>`,
    )}</tbody></table>`,
  )}</details>`
}

/** Before everything against after everything, of the way there. */
export function resourcesPart({ baseline, steps }: Rehearsal): Markup {
  const applied = steps.filter(({ direction }) => direction === 'apply').at(-1)
  const back = steps.filter(({ direction }) => direction === 'rollback').at(-1)
  const columns: readonly (readonly [string, Usage])[] = [
    ['before', baseline.resources],
    ...(applied === undefined ? [] : [['migrated', applied.resources.after] as const]),
    ...(back === undefined ? [] : [['rolled back', back.resources.after] as const]),
  ]
  const roles = roleOrder.filter((role) => columns.some(([, usage]) => usage[role] !== undefined))
  return scrollRegion(
    'Resources before and after',
    html`<table class="numbers"><caption>CPU is the mean over the load after a step, memory (PSS: shared pages once) at its end. Idle sidecars keep their memory until the next rollout. The control plane is the whole meshbench process.</caption>
<thead><tr><th scope="col">Role</th>${columns.map(([name]) => html`<th scope="col">processes ${name}</th><th scope="col">cores</th><th scope="col">PSS, MiB</th>`)}</tr></thead><tbody>${roles.map(
      (role) =>
        html`<tr><th scope="row">${role}</th>${columns.map(([, usage]) => usageCells(usage[role]))}</tr>`,
    )}</tbody></table>`,
  )
}

function usageCells(usage: Usage[string] | undefined): Markup {
  if (usage === undefined) return html`<td>0</td><td>0</td><td>0</td>`
  const { processes, cores, pssBytes } = usage
  return html`<td>${count(processes)}</td><td>${cores === null ? 'n/a' : formatNumber(cores, 3, typographic)}</td><td>${pssBytes === null ? 'n/a' : formatNumber(pssBytes / 2 ** 20, 1, typographic)}</td>`
}

export function proofPart({
  execution,
  rollback,
  carried,
  podsRestarted,
  options,
}: Rehearsal): Markup {
  const { before, untouched, converted, others } = execution.pods
  const when = {
    before: 'before',
    migrated: 'after the migration',
    'rolled-back': 'after the rollback',
  }
  return html`<h3>Pods</h3>
<p>Of ${plural(before, 'pod')} that were there, ${count(untouched)} kept UID, restart counts and start times through the migration${converted === 0 ? '' : html`, ${count(converted)} were recreated ${options.restartWorkloads ? 'as asked for' : ''}`}${others.length === 0 ? '.' : html`; others: ${others.map(({ pod, what }) => `${pod} ${what}`).join(', ')}.`} ${rollback === undefined ? null : html`The rollback left ${count(rollback.pods.untouched)} of ${count(rollback.pods.before)} as they were. `}Restarted or recreated in all: ${count(podsRestarted)}.</p>
<h3>Who carries the traffic</h3>
${scrollRegion(
  'Who carries the traffic',
  html`<table class="numbers"><caption>By the proxies' own counters. New connections are those of callers that have no sidecar of their own to pool them; the share is how many of them ztunnels (or waypoints) took in.</caption>
<thead><tr><th scope="col">When</th><th scope="col">Over</th><th scope="col">New connections</th><th scope="col">At ztunnels</th><th scope="col">of them mutual TLS</th><th scope="col">At waypoints</th><th scope="col">At the namespace's sidecars</th><th scope="col">Share of ambient</th></tr></thead><tbody>${carried.map(
    (one) =>
      html`<tr><th scope="row">${when[one.when]}</th><td>${seconds(Math.round(one.durationMs / 100) * 100)}</td><td>${count(one.newConnections)}</td><td>${count(one.atZtunnels)}</td><td>${count(one.ofThemMutualTls)}</td><td>${count(one.atWaypoints)}</td><td>${count(one.atSidecars)}</td><td>${share(one.ambientShare, typographic)}</td></tr>`,
  )}</tbody></table>`,
)}`
}

export function methodPart({ options, source, environment, callers }: Rehearsal): Markup {
  return html`<h3>What was rehearsed</h3>
<p>${
    source.from === 'workload'
      ? html`The workload <code>${source.name}</code> that comes with meshbench, or a file of that name.`
      : html`The namespace as read from ${source.from === 'files' ? 'exported files' : 'a cluster'} (<code>${source.name}</code>), with a stand-in of meshbench for every program.`
  } It ran in an embedded cluster (${environment.cluster}) whose pods are processes and whose proxies are meshbench's own, not Envoy and ztunnel: what carries over is the order of steps, the policies and labels, and what the plan finds, not milliseconds.</p>
${list('Replaced by stand-ins', source.replaced)}
${list('Left out', source.leftOut)}
<h3>How it was measured</h3>
<ul>
<li>Open loop, ${count(options.ratePerSecond)} requests per second of all callers together, jittered; latency counts from the moment a request was <em>due</em>. Callers: ${[...new Set(callers.map(({ name }) => name))].join(', ')}. They spread their requests over the HTTP services in inverse proportion to what a request sets off behind each.</li>
<li>Every request is told of by itself; the windows of the steps are cut out of them afterwards. Nobody does anything for ${seconds(options.settleMs)} before the first step and after each that writes.</li>
<li>A request on a kept connection that is closed before a byte of the answer has come is sent again, as HTTP clients with connection pools do (RFC 9112 section 9.3.1); it is counted, and failed only if that fails too.</li>
<li>A gap is the time between two good answers of one lane; it belongs to the step that holds its middle.</li>
<li>The plan was made and carried out by the same code as <code>meshbench migrate apply</code>, verifications and journal included.</li>
</ul>
<h3>What it does not show</h3>
<ul>
<li>${
    options.istioSemantics
      ? 'Running pods kept their sidecars until something recreated them, as in Istio.'
      : 'Running pods were taken over live from their sidecars. A real cluster does not do that: there, pods convert when something recreates them. Rehearse with --istio-semantics to see it.'
  }</li>
<li>Real programs, their own retries and time-outs, real networks, CNI plugins and node restarts. Enrolment on a real cluster can reset established connections (istio/istio#48876).</li>
</ul>`
}

function list(title: string, items: readonly string[]): Markup | null {
  if (items.length === 0) return null
  return html`<details><summary>${title} (${count(items.length)})</summary><ul>${items.map((item) => html`<li>${item}</li>`)}</ul></details>`
}
