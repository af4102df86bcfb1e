import type { Container } from '../../cluster/kinds.ts'
import { generatorAnnotation, sidecarContainer } from '../../cluster/mesh-labels.ts'
import type { Check, CheckContext } from './check.ts'
import { blocker, info, named, warning } from './finding.ts'
import { links } from './links.ts'
import { containersOf, type Workload, workloadsIn } from './targets.ts'

const TRAFFIC = 'traffic.sidecar.istio.io/'
const KUBEVIRT = `${TRAFFIC}kubevirtInterfaces`

/** Databases and cluster protocols, which mostly do not survive being proxied unawares. */
const DELICATE_PORTS: Readonly<Record<number, string>> = {
  1433: 'SQL Server',
  1521: 'Oracle',
  2379: 'etcd',
  2380: 'etcd',
  2181: 'ZooKeeper',
  2888: 'ZooKeeper',
  3306: 'MySQL',
  3888: 'ZooKeeper',
  4444: 'Galera',
  4567: 'Galera',
  5432: 'PostgreSQL',
  5672: 'AMQP',
  6379: 'Redis',
  7000: 'Cassandra',
  7001: 'Cassandra',
  7946: 'gossip',
  8300: 'Consul',
  8301: 'Consul',
  9042: 'Cassandra',
  9092: 'Kafka',
  9093: 'Kafka',
  9300: 'Elasticsearch',
  11211: 'memcached',
  16379: 'Redis cluster',
  25672: 'RabbitMQ',
  26257: 'CockroachDB',
  27017: 'MongoDB',
}

function eachWorkload<T>(
  { snapshot, intent }: CheckContext,
  judge: (workload: Workload, namespace: string) => readonly T[],
): readonly T[] {
  return intent.options.namespaces.flatMap((namespace) =>
    workloadsIn(snapshot, namespace).flatMap((workload) => judge(workload, namespace)),
  )
}

function hasSidecars({ intent }: CheckContext, namespace: string): boolean {
  const state = intent.namespaces.find((one) => one.namespace === namespace)?.state
  return state === 'sidecar' || state === 'mixed'
}

const exclusions: Check = {
  id: 'MB038',
  title: 'Traffic that is kept from the sidecar',
  link: links.issue(49829),
  evaluate: (context) =>
    eachWorkload(context, ({ resource, annotations }, namespace) => {
      // Where there are no sidecars it keeps nothing from anybody today either.
      if (!hasSidecars(context, namespace)) return []
      if (annotations[generatorAnnotation] === 'true') return []
      const set = Object.entries(annotations).filter(
        ([key, value]) => key.startsWith(TRAFFIC) && key !== KUBEVIRT && value !== '',
      )
      if (set.length === 0) return []
      const settings = named(set.map(([key, value]) => `${key}=${value}`))
      const delicate = set
        .filter(([key]) => /exclude(In|Out)boundPorts$/.test(key))
        .flatMap(([, value]) => value.split(',').map((port) => Number(port.trim())))
        .filter((port) => port in DELICATE_PORTS)
      const text = {
        resource,
        namespace,
        reason: `${settings}: ambient knows no such exceptions, and captures that traffic too`,
        remedy:
          'Test it captured, or keep the workload out with istio.io/dataplane-mode=none on its template',
      }
      if (delicate.length === 0) return [warning(text)]
      const what = named([...new Set(delicate.map((port) => `${port} (${DELICATE_PORTS[port]})`))])
      return [blocker({ ...text, reason: `${text.reason}, port ${what} among it` }, true)]
    }),
}

const OF_SIDECARS =
  /(?:localhost|127\.0\.0\.1|\[::1\]):(?:15000|15004|15020|15021)\b|\/quitquitquit\b|\bpilot-agent\b/

const endpoints: Check = {
  id: 'MB039',
  title: 'Applications that talk to their sidecar',
  link: links.issue(11659),
  evaluate: (context) =>
    eachWorkload(context, ({ resource, template }, namespace) =>
      containersOf(template)
        .filter(({ name }) => name !== sidecarContainer)
        .flatMap((container) => {
          const used = OF_SIDECARS.exec(spoken(container))
          if (used === null) return []
          return [
            warning({
              resource,
              namespace,
              reason: `Container ${container.name} uses ${used[0]}, which goes away with the sidecar`,
              remedy:
                'Take it out of command, probe, hook or environment, or let it fail harmlessly',
            }),
          ]
        }),
    ),
}

/** Whatever a container executes or is told. */
function spoken(container: Container): string {
  const { command, args, env, lifecycle, livenessProbe, readinessProbe, startupProbe } = container
  const told = (env ?? []).map(({ value }) => value)
  return JSON.stringify([
    command,
    args,
    told,
    lifecycle,
    livenessProbe,
    readinessProbe,
    startupProbe,
  ])
}

const kubevirt: Check = {
  id: 'MB043',
  title: 'Interfaces of virtual machines',
  link: links.resourceAnnotations,
  evaluate: (context) =>
    eachWorkload(context, ({ resource, annotations }, namespace) => {
      const interfaces = annotations[KUBEVIRT]
      if (interfaces === undefined) return []
      return [
        warning({
          resource,
          namespace,
          reason: `${KUBEVIRT}=${interfaces} has no effect in ambient`,
          remedy: `Set istio.io/reroute-virtual-interfaces=${interfaces} on the same pods`,
        }),
      ]
    }),
}

const PROXY_SETTING =
  /^(proxy\.istio\.io\/(config|overrides)|sidecar\.istio\.io\/(proxy|bootstrap|userVolume|logLevel|agentLogLevel|componentLogLevel|extraStat|interception|rewriteAppHTTP|discoveryAddress))/

const proxySettings: Check = {
  id: 'MB044',
  title: 'Settings of sidecars',
  link: links.resourceAnnotations,
  evaluate: (context) => [
    ...eachWorkload(context, ({ resource, annotations }, namespace) => {
      const set = Object.keys(annotations).filter((key) => PROXY_SETTING.test(key))
      if (set.length === 0) return []
      return [
        info({
          resource,
          namespace,
          reason: `${named(set)}: without effect once the sidecar is gone`,
          remedy: 'Remove it after the migration',
        }),
      ]
    }),
    ...context.snapshot
      .items('proxyConfig')
      .filter(({ metadata }) =>
        context.intent.options.namespaces.includes(metadata.namespace ?? ''),
      )
      .map(({ metadata }) =>
        info({
          resource: `ProxyConfig ${metadata.namespace}/${metadata.name}`,
          ...(metadata.namespace && { namespace: metadata.namespace }),
          reason: 'It configures sidecars; nothing does that for single pods in ambient',
          remedy: 'Remove it after the migration',
        }),
      ),
  ],
}

const INGRESSES: readonly RegExp[] = [
  /ingress-nginx|nginx-ingress/,
  /traefik/,
  /kong(?!o)/,
  /haproxy-ingress|kubernetes-ingress/,
  /contour/,
  /emissary|ambassador/,
  /apisix/,
]

const ingresses: Check = {
  id: 'MB046',
  title: 'Ingress controllers of others',
  link: links.resourceAnnotations,
  evaluate: (context) =>
    eachWorkload(context, ({ resource, template, labels, annotations }, namespace) => {
      const names = [
        labels['app.kubernetes.io/name'] ?? '',
        ...template.spec.containers.map(({ image }) => image ?? ''),
      ]
      const found = INGRESSES.some((pattern) => names.some((name) => pattern.test(name)))
      const key = 'ambient.istio.io/bypass-inbound-capture'
      if (!found || annotations[key] === 'true' || labels['istio.io/dataplane-mode'] === 'none') {
        return []
      }
      return [
        warning({
          resource,
          namespace,
          reason:
            'It takes plaintext from outside, which ztunnel would take first and STRICT refuses',
          remedy: `Set the annotation ${key}=true on its pods: only what they send is captured then`,
        }),
      ]
    }),
}

export const sidecarSettingChecks: readonly Check[] = [
  exclusions,
  endpoints,
  kubevirt,
  proxySettings,
  ingresses,
]
