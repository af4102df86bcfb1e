import { isObject, members } from '../../cluster/api/json.ts'
import type { ClusterClient, PodRequest } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { adminPorts } from '../../cluster/mesh-labels.ts'

/** What a ztunnel has been told, and whom it stands in for: levels L2 and L3 of the verification. */
export interface ZtunnelDump {
  readonly ztunnel: PodName
  /** What it knows of a pod anywhere in the mesh. */
  workload(pod: PodName): ZtunnelWorkload | undefined
  service(service: PodName): ZtunnelService | undefined
  policy(policy: PodName): ZtunnelPolicy | undefined
  /**
   * `Up` when it serves the pod, which has to run on its node; other words are ztunnel's own
   * (`Pending`, `Draining`). Undefined: it has never heard of it from the node agent.
   */
  state(pod: PodName & { readonly uid: string }): string | undefined
}

export interface PodName {
  readonly namespace: string
  readonly name: string
}

export interface ZtunnelWorkload {
  readonly protocol: string
  /** HBONE that a sidecar speaks, not a capture: never a proof of ambient (istio/istio#52527). */
  readonly nativeTunnel: boolean
  /** `namespace/hostname` or `network/ip`. */
  readonly waypoint?: string
  readonly authorizationPolicies: readonly string[]
}

export interface ZtunnelService {
  readonly hostname: string
  readonly waypoint?: string
}

export interface ZtunnelPolicy {
  readonly scope: string
  /** JSON, in whose details versions differ. */
  readonly rules: string
}

/** Its admin port is open on loopback only, hence the port-forward; the embedded cluster proxies to it. */
export async function ztunnelDump(
  client: ClusterClient,
  ztunnel: PodName,
  signal?: AbortSignal,
): Promise<ZtunnelDump> {
  const request: PodRequest = {
    namespace: ztunnel.namespace,
    pod: ztunnel.name,
    port: adminPorts.admin,
    path: '/config_dump',
    ...(signal && { signal }),
  }
  const { embedded } = await client.version()
  const answer = await (embedded ? client.podRequest(request) : client.podForward(request))
  const text = await answer.text()
  if (!answer.ok) throw unreadable(ztunnel, `it answered ${answer.status}`)
  try {
    return parseZtunnelDump(ztunnel, JSON.parse(text))
  } catch (cause) {
    throw unreadable(ztunnel, 'its answer is not the JSON of a ztunnel', cause)
  }
}

export function parseZtunnelDump(ztunnel: PodName, dump: unknown): ZtunnelDump {
  if (!isObject(dump)) throw new TypeError('a ztunnel dumps an object')
  const workloads = new Map<string, ZtunnelWorkload>()
  for (const { uid, namespace, name, ...workload } of members(dump.workloads)) {
    // Others are entries of a ServiceEntry or of another cluster's pods.
    if (!String(uid).includes('//Pod/')) continue
    workloads.set(`${namespace}/${name}`, {
      protocol: String(workload.protocol),
      nativeTunnel: workload.nativeTunnel === true,
      authorizationPolicies: strings(workload.authorizationPolicies),
      ...waypointOf(workload.waypoint),
    })
  }
  const services = new Map<string, ZtunnelService>()
  for (const { namespace, name, hostname, waypoint } of members(dump.services)) {
    services.set(`${namespace}/${name}`, { hostname: String(hostname), ...waypointOf(waypoint) })
  }
  const policies = new Map<string, ZtunnelPolicy>()
  for (const { namespace, name, scope, rules } of members(dump.policies)) {
    policies.set(`${namespace}/${name}`, {
      scope: String(scope),
      rules: JSON.stringify(rules ?? []),
    })
  }
  const states = isObject(dump.workloadState) ? dump.workloadState : undefined
  const local = new Set(members(dump.local).map(({ uid }) => String(uid)))
  return {
    ztunnel,
    workload: ({ namespace, name }) => workloads.get(`${namespace}/${name}`),
    service: ({ namespace, name }) => services.get(`${namespace}/${name}`),
    policy: ({ namespace, name }) => policies.get(`${namespace}/${name}`),
    state: ({ namespace, name, uid }) => {
      const state = states?.[uid]
      if (isObject(state)) return String(state.state)
      // The embedded ztunnel gets its workloads and their sockets together, and lists them as `local`.
      const known = [...local].some((one) => one.endsWith(`//Pod/${namespace}/${name}`))
      return states === undefined && known ? 'Up' : undefined
    },
  }
}

/** ztunnel writes the destination as text, older ones as an object. */
function waypointOf(waypoint: unknown): { readonly waypoint?: string } {
  if (!isObject(waypoint)) return {}
  const { destination } = waypoint
  if (typeof destination === 'string') return { waypoint: destination }
  if (!isObject(destination)) return {}
  const { namespace, hostname, network = '', address = '' } = destination
  return { waypoint: hostname ? `${namespace}/${hostname}` : `${network}/${address}` }
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function unreadable({ namespace, name }: PodName, why: string, cause?: unknown): ClusterError {
  return new ClusterError(`ztunnel ${namespace}/${name} could not be asked: ${why}`, {
    code: 'MIGRATION_ZTUNNEL_DUMP',
    hint: `Look at its log: kubectl -n ${namespace} logs ${name}`,
    ...(cause !== undefined && { cause }),
  })
}
