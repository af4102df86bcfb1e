import type { ClusterClient, PodRequest } from '../../cluster/client/types.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { adminPorts } from '../../cluster/mesh-labels.ts'
import { podText } from './pod-text.ts'
import { ztunnelsByNode } from './pods.ts'

/** Some seconds of a node that takes hundreds of connections in each. */
const logLines = 5_000

export interface AccessLog {
  /** Name of its pod. */
  readonly ztunnel: string
  readonly text: string
}

/** The latest of the ztunnels on the nodes of these pods. */
export async function accessLogs(
  client: ClusterClient,
  pods: readonly Pod[],
): Promise<readonly AccessLog[]> {
  const nodes = new Set(pods.map(({ spec }) => spec.nodeName ?? ''))
  const ztunnels = [...(await ztunnelsByNode(client))].filter(([node]) => nodes.has(node))
  return Promise.all(
    ztunnels.map(async ([, { metadata }]) => {
      const { name, namespace = '' } = metadata
      const text = await client.podLog({ namespace, name, tailLines: logLines })
      return { ztunnel: name, text }
    }),
  )
}

/** A connection as ztunnel's access log tells of it (istio/ztunnel src/proxy/metrics.rs). */
export interface LoggedConnection {
  readonly direction: 'inbound' | 'outbound'
  readonly sourceAddress?: string
  readonly sourceWorkload?: string
  readonly sourceIdentity: string
  readonly hboneAddress: string
  readonly service?: string
  readonly workload?: string
  readonly namespace?: string
  readonly error?: string
}

/**
 * Ours keep no access log unless told to, for the sake of measurements: it is switched on while a canary
 * calls. Istio's ztunnel has one by default, and what is set there is not ours to change.
 */
export async function withAccessLogs<T>(client: ClusterClient, work: () => Promise<T>): Promise<T> {
  const silent: Pod[] = []
  for (const ztunnel of (await ztunnelsByNode(client)).values()) {
    if (await keepsAccessLog(client, ztunnel)) continue
    silent.push(ztunnel)
    await setAccessLog(client, ztunnel, 'on')
  }
  try {
    return await work()
  } finally {
    // One that is gone by now logs nothing either.
    for (const ztunnel of silent) await setAccessLog(client, ztunnel, 'off').catch(() => undefined)
  }
}

/** Asked without a wish, it answers with how it is. */
async function keepsAccessLog(client: ClusterClient, ztunnel: Pod): Promise<boolean> {
  const { text } = await podText(client, logging(ztunnel, ''))
  return /"access":\s*true/.test(text)
}

async function setAccessLog(client: ClusterClient, ztunnel: Pod, to: 'on' | 'off'): Promise<void> {
  await podText(client, logging(ztunnel, `?access=${to}`))
}

function logging({ metadata }: Pod, query: string): Omit<PodRequest, 'signal'> {
  const { name, namespace = '' } = metadata
  const path = `/logging${query}`
  return { namespace, pod: name, port: adminPorts.admin, path, method: 'POST' }
}

/** Those that went through HBONE with a known identity, oldest first; all other lines are left out. */
export function loggedConnections(text: string): readonly LoggedConnection[] {
  return text.split('\n').flatMap((line) => connectionIn(line) ?? [])
}

function connectionIn(line: string): LoggedConnection | undefined {
  const direction = fieldOf(line, 'direction')
  const sourceIdentity = fieldOf(line, 'src.identity')
  const hboneAddress = fieldOf(line, 'dst.hbone_addr')
  if (direction !== 'inbound' && direction !== 'outbound') return undefined
  if (sourceIdentity === undefined || hboneAddress === undefined) return undefined
  const optional = {
    sourceAddress: fieldOf(line, 'src.addr'),
    sourceWorkload: fieldOf(line, 'src.workload'),
    service: fieldOf(line, 'dst.service'),
    workload: fieldOf(line, 'dst.workload'),
    namespace: fieldOf(line, 'dst.namespace'),
    error: errorOf(line),
  }
  const known = Object.entries(optional).filter(([, value]) => value !== undefined)
  return { direction, sourceIdentity, hboneAddress, ...Object.fromEntries(known) }
}

/** `dst.namespace="shop"` or `"dst.namespace":"shop"`: ztunnel logs as text or as JSON. */
function fieldOf(line: string, field: string): string | undefined {
  const name = field.replace('.', '\\.')
  return new RegExp(`(?:^|[\\s,{"])${name}"?[=:]"?([^"\\s,}]+)`).exec(line)?.[1]
}

/** The one field that is a sentence. */
function errorOf(line: string): string | undefined {
  return /(?:^|[\s,{"])error"?[=:](?:"((?:[^"\\]|\\.)*)"|(\S+))/.exec(line)?.slice(1).find(Boolean)
}
