import type { CapturedListener } from '../../proxies/config/process.ts'
import { hbonePort } from '../mesh-labels.ts'
import type { Purpose } from './container-process.ts'
import type { Takeover } from './takeover.ts'

/** A pod as far as its sockets are concerned. Processes are named by id and only when they are up. */
export interface CapturePod {
  readonly uid: string
  /** Its name in the mesh. */
  readonly workloadUid: string
  readonly node: string
  readonly podIp: string
  readonly dataplane: 'none' | 'sidecar' | 'ambient'
  /** Annotation `ambient.istio.io/redirection`; absent = has never been captured. */
  readonly redirection?: string
  readonly takeover?: Takeover
  /** A pod with a sidecar that peers reach by HBONE, on its way to ambient or back. */
  readonly tunnelled?: boolean
  /** Its sidecar serves port 15008 for as long as it serves the others. */
  readonly takesHbone?: boolean
  readonly ports: readonly { readonly port: number; readonly process?: string }[]
  /** Takes connections to ports no container declares. */
  readonly mainProcess?: string
  /** Ports the application serves itself in every mode. */
  readonly excludedPorts: readonly number[]
  /** Its sidecar, once it knows this pod. */
  readonly sidecar?: string
  /** For a waypoint's own pod: the proxy, once configured. */
  readonly waypoint?: string
  readonly captures: readonly { readonly service: string; readonly address: string }[]
}

export interface CaptureService {
  /** `namespace/name`. */
  readonly key: string
  /** `None`: headless, so that clients are told the address of a pod instead. */
  readonly clusterIp: string
  readonly ports: readonly {
    readonly port: number
    /** Ready endpoints only. */
    readonly endpoints: readonly { readonly podUid: string; readonly targetPort: number }[]
  }[]
}

export interface CaptureFacts {
  readonly pods: readonly CapturePod[]
  readonly services: readonly CaptureService[]
  /** By node: its ztunnel; for a while two when one replaces another, the one to prefer first. */
  readonly ztunnels: ReadonlyMap<string, readonly CaptureZtunnel[]>
}

export interface CaptureZtunnel {
  readonly process: string
  /** Whether it has acknowledged this workload. */
  knows(workloadUid: string): boolean
}

export interface Owner {
  readonly process: string
  readonly purpose: Purpose
}

/** A socket and who shall accept on it: several share it, none means that the kernel refuses. */
export interface DesiredSocket {
  readonly id: string
  readonly podUid: string
  readonly host: string
  readonly port: number
  readonly by: 'app' | 'proxy'
  readonly owners: readonly Owner[]
  /** The pod is fine without it: a service it could call has no endpoints. */
  readonly optional?: boolean
}

type Proxy =
  /** Nobody stands between the application and the network. */
  | 'direct'
  /** Somebody should and is not there: better refuse than let plaintext past the mesh. */
  | 'missing'
  | { readonly process: string }

/**
 * Whose each socket should be, from the state of pods, services and proxies alone. It knows neither
 * who holds a socket now nor how it gets moved.
 */
export function planCapture(facts: CaptureFacts): DesiredSocket[] {
  const pods = new Map(facts.pods.map((pod) => [pod.uid, pod]))
  const services = new Map(facts.services.map((service) => [service.key, service]))
  return facts.pods.flatMap((pod) => {
    const proxy = proxyOf(pod, facts)
    return [
      ...inbound(pod, proxy),
      ...hbone(pod, proxy, facts),
      ...pod.captures.flatMap(({ service, address }) =>
        outbound(pod, address, services.get(service), proxy, (uid) => {
          const target = pods.get(uid)
          return target && { pod: target, proxy: proxyOf(target, facts) }
        }),
      ),
    ]
  })
}

function proxyOf(pod: CapturePod, { ztunnels }: CaptureFacts): Proxy {
  if (pod.dataplane === 'none') return 'direct'
  if (pod.dataplane === 'sidecar') return pod.sidecar ? { process: pod.sidecar } : 'missing'
  const ztunnel = ztunnelOf(pod, { ztunnels })
  if (ztunnel !== 'missing') return ztunnel
  // Enrolled while running and not taken over yet: it goes on as before. Once captured, always
  // captured; istio-cni and ztunnel fail closed as well.
  return pod.redirection === undefined ? 'direct' : 'missing'
}

function ztunnelOf(pod: CapturePod, { ztunnels }: Pick<CaptureFacts, 'ztunnels'>): Proxy {
  const ztunnel = ztunnels.get(pod.node)?.find((one) => one.knows(pod.workloadUid))
  return ztunnel ? { process: ztunnel.process } : 'missing'
}

function inbound(pod: CapturePod, proxy: Proxy): DesiredSocket[] {
  return pod.ports.map(({ port, process }) => {
    const id = `in/${pod.uid}/${port}`
    const direct = proxy === 'direct' || pod.excludedPorts.includes(port)
    const socket = { id, podUid: pod.uid, host: pod.podIp, port }
    if (direct) {
      const owners = process === undefined ? [] : [{ process, purpose: { port } }]
      return { ...socket, by: 'app', owners }
    }
    const listener = { id, kind: 'inbound', workloadUid: pod.workloadUid, port } as const
    return { ...socket, by: 'proxy', owners: ownedBy(proxy, listener) }
  })
}

function hbone(pod: CapturePod, proxy: Proxy, facts: CaptureFacts): DesiredSocket[] {
  const { owner, beside = false } = tunnelEnd(pod, proxy, facts)
  if (owner === 'direct') return []
  const id = `hbone/${pod.uid}`
  const listener = { id, kind: 'hbone', workloadUid: pod.workloadUid } as const
  return [
    {
      id,
      podUid: pod.uid,
      host: pod.podIp,
      port: hbonePort,
      by: 'proxy',
      owners: ownedBy(owner, listener),
      ...(beside ? { optional: true } : {}),
    },
  ]
}

/** `beside`: a ztunnel, while a sidecar has all other sockets of the pod. */
function tunnelEnd(
  pod: CapturePod,
  proxy: Proxy,
  facts: CaptureFacts,
): { readonly owner: Proxy; readonly beside?: boolean } {
  if (pod.waypoint) return { owner: { process: pod.waypoint } }
  if (pod.dataplane === 'ambient') return { owner: proxy }
  if (pod.dataplane === 'none') return { owner: 'direct' }
  if (!pod.takesHbone) {
    return pod.tunnelled ? { owner: ztunnelOf(pod, facts), beside: true } : { owner: 'direct' }
  }
  // It serves whoever comes by HBONE until no proxy may go by what it knew before the pod left: a client
  // that has not heard of a waypoint yet must meet the policies of the sidecar.
  return { owner: proxy }
}

interface Target {
  readonly pod: CapturePod
  readonly proxy: Proxy
}

function outbound(
  pod: CapturePod,
  address: string,
  service: CaptureService | undefined,
  proxy: Proxy,
  find: (podUid: string) => Target | undefined,
): DesiredSocket[] {
  return (service?.ports ?? []).map(({ port, endpoints }) => {
    const id = `out/${pod.uid}/${service?.key}/${port}`
    const socket = { id, podUid: pod.uid, host: address, port }
    if (proxy !== 'direct') {
      const headless = service?.clusterIp === 'None'
      const originalDestination = headless
        ? nameserverAnswer(pod, endpoints, find)
        : { host: service?.clusterIp ?? '', port }
      if (originalDestination === undefined) {
        return { ...socket, by: 'proxy', owners: [], optional: true }
      }
      const { workloadUid } = pod
      const listener = { id, kind: 'outbound', workloadUid, originalDestination } as const
      return { ...socket, by: 'proxy', owners: ownedBy(proxy, listener) }
    }
    // What kube-proxy does, without a hop: the endpoints themselves accept on the client's socket.
    const owners = endpoints.flatMap(({ podUid, targetPort }) =>
      endpointOwners(id, find(podUid), targetPort),
    )
    return { ...socket, by: 'app', owners: oncePerProcess(owners), optional: true }
  })
}

/** The pod that a client of a headless service takes from the answer: its own, and the same each time. */
function nameserverAnswer(
  { uid }: CapturePod,
  endpoints: CaptureService['ports'][number]['endpoints'],
  find: (podUid: string) => Target | undefined,
): { readonly host: string; readonly port: number } | undefined {
  const sum = [...uid].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 65_521, 7)
  const chosen = endpoints[sum % endpoints.length]
  const target = chosen && find(chosen.podUid)
  return target && { host: target.pod.podIp, port: chosen.targetPort }
}

/** Whoever accepts what is sent to the pod: a proxy in front of it judges plain clients as well. */
function endpointOwners(id: string, target: Target | undefined, port: number): Owner[] {
  if (!target) return []
  const { pod, proxy } = target
  if (proxy !== 'direct' && !pod.excludedPorts.includes(port)) {
    return ownedBy(proxy, { id, kind: 'inbound', workloadUid: pod.workloadUid, port })
  }
  const declared = pod.ports.find((one) => one.port === port)
  const process = declared ? declared.process : pod.mainProcess
  return process === undefined ? [] : [{ process, purpose: { port } }]
}

/**
 * A process holds a socket once. Endpoints behind one ztunnel therefore show a client outside the
 * mesh only the first of them; clients in the mesh are balanced by their own proxy.
 */
function oncePerProcess(owners: readonly Owner[]): Owner[] {
  return owners.filter(
    ({ process }, at) => owners.findIndex((one) => one.process === process) === at,
  )
}

function ownedBy(proxy: Proxy, listener: CapturedListener): Owner[] {
  return typeof proxy === 'string' ? [] : [{ process: proxy.process, purpose: { listener } }]
}
