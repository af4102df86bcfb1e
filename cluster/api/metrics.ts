import { statusError } from '../errors.ts'
import { parseLabelSelector } from './label-selector.ts'
import type { MemoryStore } from './memory-store.ts'

/** What one container uses at present. */
export interface ContainerUsage {
  readonly namespace: string
  readonly pod: string
  readonly node: string
  readonly container: string
  /** 0.25 is a quarter of a core. */
  readonly cpuCores: number
  readonly memoryBytes: number
  /** The time over which CPU was counted. */
  readonly windowMs: number
}

export type UsageReader = () => readonly ContainerUsage[]

const API_VERSION = 'metrics.k8s.io/v1beta1'
const PATH =
  /^\/apis\/metrics\.k8s\.io\/v1beta1\/(?:namespaces\/([^/]+)\/)?(pods|nodes)(?:\/([^/]+))?$/

interface MetricsSource {
  readonly store: MemoryStore
  readonly usage: UsageReader | undefined
}

/** The resource metrics API, which `kubectl top` reads; undefined for paths that are not its own. */
export function metricsAnswer(
  pathname: string,
  query: URLSearchParams,
  { store, usage }: MetricsSource,
): unknown {
  const [, namespace, resource, name] = PATH.exec(pathname) ?? []
  if (resource === undefined) return undefined
  if (usage === undefined) {
    throw statusError('ServiceUnavailable', 'nobody measures the pods of this cluster')
  }
  const read = usage()
  const items =
    resource === 'nodes'
      ? nodeMetrics(read)
      : podMetrics(
          read.filter((one) => namespace === undefined || one.namespace === namespace),
          store,
        )
  if (name !== undefined) {
    const found = items.find(({ metadata }) => metadata.name === name)
    if (found !== undefined) return found
    throw statusError('NotFound', `${resource}.metrics.k8s.io "${name}" not found`)
  }
  const matches = parseLabelSelector(query.get('labelSelector') ?? '')
  const kind = resource === 'nodes' ? 'NodeMetricsList' : 'PodMetricsList'
  const selected = items.filter(({ metadata }) => matches(metadata.labels))
  return { kind, apiVersion: API_VERSION, metadata: {}, items: selected }
}

interface Metrics {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
}

function podMetrics(read: readonly ContainerUsage[], store: MemoryStore): Metrics[] {
  const byPod = groupBy(read, ({ namespace, pod }) => `${namespace}/${pod}`)
  return [...byPod.values()].flatMap((containers) => {
    const [first] = containers
    if (first === undefined) return []
    const { namespace, pod: name } = first
    const labels = store.peek({ apiVersion: 'v1', kind: 'Pod', namespace, name })?.metadata.labels
    return [
      {
        kind: 'PodMetrics',
        apiVersion: API_VERSION,
        metadata: { name, namespace, ...(labels && { labels }) },
        ...momentOf(first),
        containers: containers.map((one) => ({ name: one.container, usage: quantities([one]) })),
      },
    ]
  })
}

function nodeMetrics(read: readonly ContainerUsage[]): Metrics[] {
  const byNode = groupBy(read, ({ node }) => node)
  return [...byNode].flatMap(([name, containers]) => {
    const [first] = containers
    if (first === undefined) return []
    return [
      {
        kind: 'NodeMetrics',
        apiVersion: API_VERSION,
        metadata: { name },
        ...momentOf(first),
        usage: quantities(containers),
      },
    ]
  })
}

function momentOf({ windowMs }: ContainerUsage) {
  const timestamp = `${new Date().toISOString().slice(0, 19)}Z`
  return { timestamp, window: `${(windowMs / 1000).toFixed(3)}s` }
}

function quantities(containers: readonly ContainerUsage[]) {
  const cores = containers.reduce((sum, one) => sum + one.cpuCores, 0)
  const bytes = containers.reduce((sum, one) => sum + one.memoryBytes, 0)
  return { cpu: `${Math.round(cores * 1e9)}n`, memory: `${Math.round(bytes / 1024)}Ki` }
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
