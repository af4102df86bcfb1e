import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { matchesMap } from '../../cluster/controllers/labels.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { kinds, type Pod, type Service } from '../../cluster/kinds.ts'
import { workloadOf } from '../execute/pods.ts'
import { StepFailure } from '../execute/refusal.ts'
import { countOf, namespaceOf, some, type Verifier } from './context.ts'
import { isPlaced, membershipOf, podsIn, ztunnelsByNode } from './pods.ts'
import { type Carried, carriedBy } from './ztunnel-metrics.ts'

/** How long callers get to open a connection: kept ones need not open any for hours. */
const listenMs = 5_000
const pauseMs = 250
/** Fewer may all come from one caller that is to be refused. */
const leastRefused = 20

/**
 * L4: counters of the ztunnels grow for the pods they serve. A workload that nobody calls just now is
 * told and does not fail: silence is no evidence of either.
 */
export const verifyZtunnelCarries: Verifier = async (verification, context) => {
  const { client, signal, timeoutMs, onWaiting } = context
  const namespace = namespaceOf(verification)
  const { labels, pods } = await podsIn(client, namespace)
  const captured = pods.filter(
    (pod) => isPlaced(pod) && membershipOf(pod, labels, context.liveTakeover) === 'ambient',
  )
  if (captured.length === 0) return [`no pod of ${namespace} is captured, so none is carried`]
  const ztunnels = await ztunnelsOf(client, captured)
  const read = (): Promise<ReadonlyMap<string, Carried>> =>
    carriedBy(client, ztunnels, namespace, signal)
  const services = await client.list<Service>(kinds.service, { namespace })
  // Nobody can call a pod that no service leads to, not by name.
  const called = captured.filter(({ metadata }) =>
    services.some(({ spec }) => matchesMap(spec.selector, metadata.labels)),
  )
  const workloads = new Set(
    called.map(({ metadata }) => nameIn(workloadOf(metadata)) ?? metadata.name),
  )
  try {
    const first = context.carriedBefore ?? (await read())
    const patienceMs = performance.now() + timeoutMs
    const deadlineMs = performance.now() + listenMs * (timeoutMs / verification.timeoutMs)
    for (;;) {
      const now = await read()
      const grown = growth(first, now)
      const silent = [...workloads].filter((workload) => !(grown.get(workload)?.mutualTls ?? 0))
      const shut = [...grown].filter(([, counts]) => isShut(counts)).map(([workload]) => workload)
      if (shut.length > 0) {
        const text = `every connection to ${some(shut)} was refused by policy`
        if (performance.now() >= patienceMs) throw new StepFailure('unproved', text)
        onWaiting(text)
      } else if (silent.length === 0 || performance.now() >= deadlineMs) {
        return sentences(grown, silent)
      } else
        onWaiting(
          `${countOf(silent.length, 'workload')} without a new connection yet: ${some(silent)}`,
        )
      await sleep(pauseMs, undefined, signal && { signal })
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof ClusterError)) throw error
    return [`not seen at the counters of ztunnel: ${error.message}`]
  }
}

/** For later, before a step; undefined where ztunnels cannot be asked. */
export async function carriedIn(
  client: ClusterClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Carried> | undefined> {
  try {
    const { pods } = await podsIn(client, namespace)
    return await carriedBy(client, await ztunnelsOf(client, pods), namespace, signal)
  } catch (error) {
    if (error instanceof ClusterError) return undefined
    throw error
  }
}

async function ztunnelsOf(client: ClusterClient, pods: readonly Pod[]): Promise<readonly Pod[]> {
  const nodes = new Set(pods.map(({ spec }) => spec.nodeName ?? ''))
  const all = await ztunnelsByNode(client)
  return [...all].filter(([node]) => nodes.has(node)).map(([, pod]) => pod)
}

function growth(
  first: ReadonlyMap<string, Carried>,
  now: ReadonlyMap<string, Carried>,
): ReadonlyMap<string, Carried> {
  return new Map(
    [...now].map(([workload, { mutualTls, plain, refused }]) => {
      const before = first.get(workload)
      const grown = {
        mutualTls: mutualTls - (before?.mutualTls ?? 0),
        plain: plain - (before?.plain ?? 0),
        refused: refused - (before?.refused ?? 0),
      }
      return [workload, grown]
    }),
  )
}

function isShut({ mutualTls, plain, refused }: Carried): boolean {
  return refused >= leastRefused && refused >= mutualTls + plain
}

function sentences(
  grown: ReadonlyMap<string, Carried>,
  silent: readonly string[],
): readonly string[] {
  const carried = [...grown].filter(([, { mutualTls }]) => mutualTls > 0)
  const plain = [...grown].filter(([, counts]) => counts.plain > 0)
  const denied = [...grown].filter(([, { refused }]) => refused > 0)
  const total = carried.reduce((sum, [, { mutualTls }]) => sum + mutualTls, 0)
  const names = carried.map(([workload]) => workload)
  if (total === 0 && silent.length === 0) return ['no service leads to a captured pod']
  return [
    ...(total > 0
      ? [`ztunnel carries ${some(names)}: ${countOf(total, 'new connection')} with mutual TLS`]
      : []),
    ...(silent.length > 0
      ? [`no new connection to ${some(silent)} has come through meanwhile`]
      : []),
    ...denied.map(
      ([workload, { refused }]) =>
        `${countOf(refused, 'of them was', 'of them were')} refused by policy: ${workload}`,
    ),
    ...plain.map(
      ([workload, counts]) =>
        `${countOf(counts.plain, 'new connection')} to ${workload} came without mutual TLS: from outside the mesh, or given up while it waited for the socket to move`,
    ),
  ]
}

function nameIn(workload: string | undefined): string | undefined {
  return workload?.slice(workload.indexOf(' ') + 1)
}
