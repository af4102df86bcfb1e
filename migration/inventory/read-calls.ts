import type { ClusterClient } from '../../cluster/client/types.ts'
import type { Pod } from '../../cluster/kinds.ts'
import { adminPorts, meshAnnotations, meshLabels } from '../../cluster/mesh-labels.ts'
import { inParallel } from './in-parallel.ts'
import { type Series, seriesOf } from './metrics.ts'
import { isForbidden } from './read-outcome.ts'
import { type Callee, type Caller, NotReadable } from './snapshot.ts'
import { workloadOf } from './workload-name.ts'

/** Proxies asked in all: a plan is to cost a mesh little, and the pods of a workload tell the same. */
const PROXIES_MAX = 200
const PER_WORKLOAD_MAX = 3
const WIDTH = 6
const PATIENCE_MS = 5_000

export interface Calls {
  readonly callers: readonly Caller[]
  readonly callees: readonly Callee[]
  readonly basis: string
}

type Outcome = Calls | { readonly why: string }

/** Who calls the services of each namespace, as the proxies there have counted it. */
export async function readCalls(
  client: ClusterClient,
  namespaces: readonly string[],
  pods: readonly Pod[],
  signal?: AbortSignal,
): Promise<(namespace: string) => Calls> {
  const via = viaOf(pods)
  const budget = Math.max(2, Math.floor(PROXIES_MAX / Math.max(1, namespaces.length)))
  const sample = sampler(pods, budget)
  const sampled = namespaces.map((namespace) => ({ namespace, ...sample(namespace) }))
  // A ztunnel may be asked for the sake of several namespaces.
  const asked = new Map<string, Promise<Answer>>()
  const ask = (pod: Pod): Promise<Answer> => {
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`
    const answer = asked.get(key) ?? scrape(client, pod, signal)
    asked.set(key, answer)
    return answer
  }
  await inParallel(distinct(sampled.flatMap(({ chosen }) => chosen)), WIDTH, ask, signal)

  const outcomes = new Map<string, Outcome>()
  for (const { namespace, chosen, all } of sampled) {
    const answers = await Promise.all(chosen.map(ask))
    const told = answers.flatMap((answer) => ('series' in answer ? [answer.series] : []))
    const [silence] = answers.flatMap((answer) => ('why' in answer ? [answer.why] : []))
    if (all === 0) {
      const why = `${namespace} has no proxy yet that would have counted its callers`
      outcomes.set(namespace, { why })
    } else if (told.length === 0) {
      outcomes.set(namespace, { why: silence ?? 'no proxy was asked' })
    } else {
      const basis = `metrics of ${told.length} of ${all} proxies of ${namespace}, since each started`
      outcomes.set(namespace, { ...callsOf(namespace, told.flat(), via), basis })
    }
  }
  return (namespace) => {
    const outcome = outcomes.get(namespace)
    if (outcome === undefined) throw new NotReadable(`nobody asked who calls ${namespace}`)
    if ('why' in outcome) throw new NotReadable(outcome.why)
    return outcome
  }
}

type Answer = { readonly series: readonly Series[] } | { readonly why: string }

const NAMES = ['istio_requests_total', 'istio_tcp_connections_opened_total']

async function scrape(
  client: ClusterClient,
  { metadata }: Pod,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const { namespace = '', name } = metadata
  const done = new AbortController()
  const end = (): void => done.abort()
  const timer = setTimeout(end, PATIENCE_MS)
  signal?.addEventListener('abort', end)
  try {
    const answer = await client.podRequest({
      namespace,
      pod: name,
      port: adminPorts.stats,
      path: '/stats/prometheus',
      signal: done.signal,
    })
    const text = await answer.text()
    if (!answer.ok) return { why: `proxy ${namespace}/${name} answered ${answer.status}` }
    return { series: [...seriesOf(text, NAMES)] }
  } catch (error) {
    signal?.throwIfAborted()
    if (isForbidden(error)) return { why: `no permission to get pods/proxy in ${namespace}` }
    if (done.signal.aborted) {
      return { why: `proxy ${namespace}/${name} did not answer within ${PATIENCE_MS / 1000} s` }
    }
    const why = error instanceof Error ? error.message : String(error)
    return { why: `proxy ${namespace}/${name} did not answer: ${why}` }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}

interface Sample {
  readonly chosen: readonly Pod[]
  readonly all: number
}

/** Sidecars and waypoints of a namespace, and the ztunnels of the nodes its pods run on. */
function sampler(pods: readonly Pod[], budget: number): (namespace: string) => Sample {
  const running = pods.filter(({ status }) => status?.phase === 'Running')
  const ztunnels = running.filter(({ metadata }) => metadata.labels?.app === 'ztunnel')
  const homes = new Map<string, Pod[]>()
  for (const pod of running) {
    const { namespace = '' } = pod.metadata
    const home = homes.get(namespace)
    if (home === undefined) homes.set(namespace, [pod])
    else home.push(pod)
  }
  return (namespace) => {
    const own = homes.get(namespace) ?? []
    const nodes = new Set(own.filter(isCaptured).map(({ spec }) => spec.nodeName))
    const near = ztunnels.filter(({ spec }) => nodes.has(spec.nodeName))
    const counting = own.filter((pod) => hasSidecar(pod) || isGateway(pod))
    const perWorkload = new Map<string, number>()
    const some = counting.filter((pod) => {
      const { kind, name } = workloadOf(pod)
      const taken = perWorkload.get(`${kind} ${name}`) ?? 0
      perWorkload.set(`${kind} ${name}`, taken + 1)
      return taken < PER_WORKLOAD_MAX
    })
    return { chosen: [...near, ...some].slice(0, budget), all: near.length + counting.length }
  }
}

const hasSidecar = ({ metadata }: Pod): boolean =>
  metadata.annotations?.[meshAnnotations.sidecarStatus] !== undefined

const isCaptured = ({ metadata }: Pod): boolean =>
  metadata.annotations?.[meshAnnotations.redirection] === 'enabled'

const isGateway = ({ metadata }: Pod): boolean =>
  metadata.labels?.[meshLabels.gatewayName] !== undefined

function callsOf(
  namespace: string,
  series: readonly Series[],
  via: (namespace: string, workload: string) => Caller['via'],
): Pick<Calls, 'callers' | 'callees'> {
  const callers = new Map<string, Caller>()
  const callees = new Map<string, Callee>()
  for (const { name, labels, value } of series) {
    if (!(value > 0)) continue
    const protocol = name === 'istio_requests_total' ? 'http' : 'tcp'
    const service = labels.destination_service ?? 'unknown'
    const from = {
      namespace: labels.source_workload_namespace ?? 'unknown',
      workload: labels.source_workload ?? 'unknown',
    }
    const to = labels.destination_workload_namespace ?? 'unknown'
    if (to === namespace || labels.destination_service_namespace === namespace) {
      // Only the receiving end has seen the caller's certificate.
      if (labels.reporter === 'source') continue
      const principal = (labels.source_principal ?? 'unknown').replace(/^spiffe:\/\//, '')
      const caller: Caller = {
        ...from,
        principal: principal === '' ? 'unknown' : principal,
        destinationService: service,
        protocol,
        via: via(from.namespace, from.workload),
      }
      callers.set(JSON.stringify(caller), caller)
    } else if (from.namespace === namespace && labels.reporter === 'source') {
      const workload = labels.destination_workload ?? 'unknown'
      const callee: Callee = { service, namespace: to, workload, protocol }
      callees.set(JSON.stringify(callee), callee)
    }
  }
  return { callers: [...callers.values()], callees: [...callees.values()] }
}

/** A caller counts as a sidecar for as long as one of its pods is one. */
function viaOf(pods: readonly Pod[]): (namespace: string, workload: string) => Caller['via'] {
  const known = new Map<string, Caller['via']>()
  for (const pod of pods) {
    const key = `${pod.metadata.namespace}/${workloadOf(pod).name}`
    if (hasSidecar(pod)) known.set(key, 'sidecar')
    else if (known.get(key) === 'sidecar') continue
    else if (isGateway(pod) && pod.metadata.labels?.[meshLabels.managedGateway]) {
      known.set(key, 'waypoint')
    } else if (isCaptured(pod)) known.set(key, 'ztunnel')
  }
  return (namespace, workload) => known.get(`${namespace}/${workload}`) ?? 'unknown'
}

function distinct(pods: readonly Pod[]): readonly Pod[] {
  return [...new Set(pods)]
}
