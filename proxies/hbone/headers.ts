import { randomUUID } from 'node:crypto'
import type { Service, Workload } from '../config/mesh-state.ts'

/**
 * Who sends, in W3C baggage with Istio's keys and order (istio/ztunnel src/baggage.rs). Its parser
 * does not trim, so there are no spaces; empty parts are left out.
 */
export function formatBaggage(workload: Workload): string {
  let baggage = baggages.get(workload)
  if (baggage === undefined) {
    const parts: readonly (readonly [string, string | undefined])[] = [
      ['k8s.cluster.name', workload.clusterId],
      ['k8s.namespace.name', workload.namespace],
      [`k8s.${workload.workloadType ?? 'deployment'}.name`, workload.workloadName],
      ['service.name', workload.canonicalName],
      ['service.version', workload.canonicalRevision],
    ]
    baggage = parts
      .filter(([, value]) => value)
      .map(([key, value]) => `${key}=${value}`)
      .join(',')
    baggages.set(workload, baggage)
  }
  return baggage
}

/** Said anew for every connection of a workload, so put together once per snapshot. */
const baggages = new WeakMap<Workload, string>()

/** What telemetry can know of a peer that is not in the registry. Unknown keys are ignored. */
export function parseBaggage(baggage: string | undefined): Workload | undefined {
  if (!baggage) return undefined
  const values = new Map(
    baggage.split(',').map((part) => {
      const at = part.indexOf('=')
      return [part.slice(0, at), part.slice(at + 1)] as const
    }),
  )
  const type = (['deployment', 'cronjob', 'pod', 'job'] as const).find((known) =>
    values.get(`k8s.${known}.name`),
  )
  const workloadName = type ? values.get(`k8s.${type}.name`) : undefined
  return {
    uid: `baggage:${baggage}`,
    name: workloadName ?? '',
    namespace: values.get('k8s.namespace.name') ?? '',
    serviceAccount: '',
    trustDomain: '',
    workloadIps: [],
    protocol: 'HBONE',
    services: {},
    ...(type ? { workloadType: type } : {}),
    ...optional('workloadName', workloadName),
    ...optional('canonicalName', values.get('service.name')),
    ...optional('canonicalRevision', values.get('service.version')),
    ...optional('clusterId', values.get('k8s.cluster.name')),
  }
}

/** RFC 7239. The receiver reads only `host`, and only to tell which service was meant. */
export function formatForwarded(client: string, service: Service | undefined): string {
  return service ? `for="${client}";host=${service.hostname}` : `for="${client}"`
}

export function parseForwardedHost(forwarded: string | undefined): string | undefined {
  const match = /(?:^|[;,]\s*)host=(?:"([^"]*)"|([^;,\s]*))/i.exec(forwarded ?? '')
  return match?.[1] ?? match?.[2]
}

/** One per user connection, https://www.w3.org/TR/trace-context/#traceparent-header */
export function newTraceparent(): string {
  // node keeps entropy for UUIDs in store: a third of the cost of random bytes asked for each time.
  return `00-${randomHex()}-${randomHex().slice(16)}-00`
}

function randomHex(): string {
  return randomUUID().replaceAll('-', '')
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value ? ({ [key]: value } as { [P in K]: string }) : {}
}
