import type { Result } from '../../../harness/result/schema.ts'
import { fixed, formatNumber, typographic } from '../../wording/numbers.ts'
import { html, type Markup } from '../markup.ts'

const bytesPerGiB = 2 ** 30

export function environmentPart(result: Result): Markup {
  const { environment, tool, options } = result
  const virtual = { true: 'yes', false: 'no', null: 'unknown' }[String(environment.virtualised)]
  const facts: readonly (readonly [string, string])[] = [
    [
      'meshbench',
      tool.commit === undefined ? tool.version : `${tool.version}, commit ${tool.commit}`,
    ],
    ['Node', environment.node],
    ['Operating system', `${environment.os}, kernel ${environment.kernel}`],
    ['CPU', `${environment.cpuModel}, ${environment.cores} cores`],
    ['CPU governor', environment.governor ?? 'unknown'],
    ['Virtual machine', virtual ?? 'unknown'],
    ['Memory', `${fixed(environment.memoryBytes / bytesPerGiB, 1, typographic)} GiB`],
    ['Limits of the container', limitsText(environment.cgroup)],
    ['Clock', environment.clockSource ?? 'unknown'],
    ['Load average at the start', environment.loadAverageAtStart.map((v) => fixed(v, 2)).join(' ')],
    ['Cluster', `${environment.cluster.kind}, ${environment.cluster.version}`],
    ...clusterFacts(environment.cluster),
    ['Command', options.command.join(' ')],
    ['Seed', String(options.seed)],
    ['Start', result.startedAt],
    ['End', result.endedAt],
    ['Run', result.runId],
    ...(result.configHash === undefined
      ? []
      : [['Settings and workload, hash', result.configHash] as const]),
  ]
  return html`<dl class="facts">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>
<details><summary>All options</summary><pre tabindex="0">${JSON.stringify(options, null, 2)}</pre></details>`
}

type Cluster = Result['environment']['cluster']

function clusterFacts({ proxyWorkers, capture }: Cluster): (readonly [string, string])[] {
  return [
    ...(proxyWorkers === undefined ? [] : [['Workers of a proxy', String(proxyWorkers)] as const]),
    ...(capture === undefined ? [] : [['Capture of traffic', capture] as const]),
  ]
}

function limitsText(cgroup: Result['environment']['cgroup']): string {
  if (cgroup === undefined) return 'unknown'
  if (cgroup === null) return 'no cgroup'
  const { version, cpuCores, memoryBytes } = cgroup
  const parts = [
    cpuCores === null ? 'no CPU quota' : `${formatNumber(cpuCores, 2, typographic)} cores`,
    memoryBytes === null
      ? 'no memory limit'
      : `${fixed(memoryBytes / bytesPerGiB, 1, typographic)} GiB`,
  ]
  return `${parts.join(', ')} (cgroup v${version})`
}

export function rawPart(result: Result): Markup {
  return html`<p>Beside this file: <code>result.json</code> (schema version ${String(result.schemaVersion)}, with mergeable histograms), <code>windows.csv</code> (one row per window and figure), <code>summary.csv</code>.</p>
<p class="actions"><button type="button" class="scripted" data-copies="result" hidden>Copy summary as JSON</button></p>`
}
