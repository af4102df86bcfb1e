import type { DestinationPolicy, TrafficPolicy } from '../../proxies/config/l7.ts'
import { durationMs } from './durations.ts'
import { guarded, MALFORMED } from './guarded.ts'
import type { DestinationRule, IstioTrafficPolicy } from './istio-objects.ts'

export interface ConvertedDestinationRule {
  readonly policy: DestinationPolicy
  readonly unsupported: readonly string[]
}

/** A DestinationRule for one service. `select` names the service's endpoints with these labels. */
export function convertDestinationRule(
  rule: DestinationRule,
  service: string,
  select: (labels: Readonly<Record<string, string>>) => readonly string[],
): ConvertedDestinationRule {
  return guarded(() => convert(rule, service, select), {
    policy: { service, traffic: {}, subsets: [] },
    unsupported: [MALFORMED],
  })
}

function convert(
  { spec }: DestinationRule,
  service: string,
  select: (labels: Readonly<Record<string, string>>) => readonly string[],
): ConvertedDestinationRule {
  const unsupported: string[] = []
  const traffic = convertTraffic(spec?.trafficPolicy, unsupported)
  const subsets = (spec?.subsets ?? []).map(({ name, labels = {}, trafficPolicy }) => ({
    name,
    workloads: select(labels),
    // A subset's own settings replace those of the whole service one by one.
    traffic: { ...traffic, ...convertTraffic(trafficPolicy, unsupported) },
  }))
  return { policy: { service, traffic, subsets }, unsupported: [...new Set(unsupported)] }
}

const BALANCERS = new Map<string, TrafficPolicy['balance']>([
  ['LEAST_REQUEST', 'LEAST_REQUEST'],
  ['LEAST_CONN', 'LEAST_REQUEST'],
  ['ROUND_ROBIN', 'ROUND_ROBIN'],
  ['RANDOM', 'RANDOM'],
  ['UNSPECIFIED', 'LEAST_REQUEST'],
])

function convertTraffic(
  policy: IstioTrafficPolicy | undefined,
  unsupported: string[],
): TrafficPolicy {
  if (policy === undefined) return {}
  const { loadBalancer, connectionPool, outlierDetection, tls } = policy
  for (const field of Object.keys(policy)) {
    if (!['loadBalancer', 'connectionPool', 'outlierDetection', 'tls'].includes(field)) {
      unsupported.push(`trafficPolicy.${field}`)
    }
  }
  for (const field of Object.keys(loadBalancer ?? {})) {
    if (field !== 'simple') unsupported.push(`loadBalancer.${field}`)
  }
  const balance = BALANCERS.get(loadBalancer?.simple ?? 'UNSPECIFIED')
  if (balance === undefined) unsupported.push(`loadBalancer.simple ${loadBalancer?.simple}`)
  const mode = tls?.mode
  const known = mode === 'DISABLE' || mode === 'ISTIO_MUTUAL'
  if (mode !== undefined && !known) unsupported.push(`tls.mode ${mode}`)
  for (const field of Object.keys(outlierDetection ?? {})) {
    if (!OUTLIER_FIELDS.has(field)) unsupported.push(`outlierDetection.${field}`)
  }
  const { tcp, http } = connectionPool ?? {}
  if (http?.maxRequestsPerConnection) unsupported.push('http.maxRequestsPerConnection')
  const connectTimeoutMs = durationMs(tcp?.connectTimeout)
  return {
    ...(loadBalancer && balance ? { balance } : {}),
    ...(known ? { tls: mode } : {}),
    ...(connectTimeoutMs ? { connectTimeoutMs } : {}),
    ...(connectionPool
      ? {
          limits: {
            ...(tcp?.maxConnections ? { connections: tcp.maxConnections } : {}),
            ...(http?.http1MaxPendingRequests
              ? { pendingRequests: http.http1MaxPendingRequests }
              : {}),
            ...(http?.http2MaxRequests ? { requests: http.http2MaxRequests } : {}),
            ...(http?.maxRetries ? { retries: http.maxRetries } : {}),
          },
        }
      : {}),
    ...(outlierDetection ? { outliers: outliersOf(outlierDetection) } : {}),
  }
}

const OUTLIER_FIELDS = new Set([
  'consecutive5xxErrors',
  'consecutiveGatewayErrors',
  'interval',
  'baseEjectionTime',
  'maxEjectionPercent',
])

/** Envoy's defaults where Istio leaves them (istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go). */
function outliersOf({
  consecutive5xxErrors = 5,
  consecutiveGatewayErrors = 0,
  interval,
  baseEjectionTime,
  maxEjectionPercent = 10,
}: NonNullable<IstioTrafficPolicy['outlierDetection']>): NonNullable<TrafficPolicy['outliers']> {
  return {
    consecutive5xx: consecutive5xxErrors,
    consecutiveGatewayErrors,
    intervalMs: durationMs(interval) ?? 10_000,
    baseEjectionMs: durationMs(baseEjectionTime) ?? 30_000,
    maxEjectionPercent,
  }
}
