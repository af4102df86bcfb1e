import { meshMetricsIn } from '../inventory/project.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import type { Check } from './check.ts'
import { info, warning } from './finding.ts'
import { links } from './links.ts'
import { hasSidecar, podsIn, workloadsIn } from './targets.ts'

const HTTP_METRICS = /istio_(requests?_|response_)/
const DESTINATION = /reporter="destination"/

const dashboards: Check = {
  id: 'MB090',
  title: 'Dashboards and alerts on metrics of sidecars',
  link: links.metrics,
  evaluate: ({ snapshot }) => {
    const rules = snapshot.items('prometheusRule').map(({ metadata, spec }) => ({
      kind: 'PrometheusRule',
      metadata,
      text: JSON.stringify(spec),
    }))
    let unknown: NotReadable | undefined
    let boards: typeof rules = []
    try {
      boards = snapshot.probes
        .dashboards()
        .map(({ metadata, data }) => ({ kind: 'ConfigMap', metadata, text: JSON.stringify(data) }))
    } catch (error) {
      if (!(error instanceof NotReadable)) throw error
      unknown = error
    }
    const findings = [...rules, ...boards].flatMap(({ kind, metadata, text }) => {
      const used = meshMetricsIn(text)
      if (!HTTP_METRICS.test(used) && !DESTINATION.test(used)) return []
      return [
        info({
          resource: `${kind} ${metadata.namespace}/${metadata.name}`,
          reason: `It uses ${used}: without a waypoint there are only istio_tcp_* metrics, with one reporter="waypoint"`,
          remedy:
            'Ask for reporter=~"destination|waypoint", and for TCP metrics where no waypoint is planned',
        }),
      ]
    })
    if (findings.length === 0 && unknown !== undefined) throw unknown
    return findings
  },
}

const scraping: Check = {
  id: 'MB041',
  title: 'Metrics that are scraped from the sidecar',
  link: links.prometheus,
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const remedy =
        'Scrape the application’s own port; under STRICT, from a Prometheus inside the mesh or with a portLevelMtls exception'
      const workloads = workloadsIn(snapshot, namespace)
      const sidecars = sidecarLabels()
      const merged = workloads
        .filter(({ annotations }) => annotations['prometheus.io/scrape'] === 'true')
        .filter(({ labels }) => sidecars === undefined || sidecars.some((pod) => isOf(pod, labels)))
        .map(({ resource, annotations }) =>
          warning({
            resource,
            namespace,
            reason: `prometheus.io/scrape: its sidecar merges the application’s metrics (port ${annotations['prometheus.io/port'] ?? '80'}) with its own on 15020; ambient merges nothing`,
            remedy,
          }),
        )
      const kinds = ['podMonitor', 'serviceMonitor'] as const
      const monitors = kinds
        .flatMap((kind) => snapshot.items(kind))
        .filter(({ metadata }) => metadata.namespace === namespace)
        .filter(({ spec }) =>
          /15020|15090|http-envoy-prom|\/stats\/prometheus/.test(JSON.stringify(spec ?? {})),
        )
        .map(({ kind, metadata }) =>
          warning({
            resource: `${kind} ${namespace}/${metadata.name}`,
            namespace,
            reason: 'It scrapes the port of sidecars, which goes away',
            remedy,
          }),
        )
      return [...merged, ...monitors]

      /** Undefined where nobody knows the pods. */
      function sidecarLabels(): readonly Readonly<Record<string, string>>[] | undefined {
        if (snapshot.source.from === 'files') return undefined
        return podsIn(snapshot, namespace)
          .filter(hasSidecar)
          .map(({ metadata }) => metadata.labels ?? {})
      }
    }),
}

function isOf(
  pod: Readonly<Record<string, string>>,
  template: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(template).every(([key, value]) => pod[key] === value)
}

export const observabilityChecks: readonly Check[] = [scraping, dashboards]
