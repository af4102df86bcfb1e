import type { ProxyConfig } from '../../proxies/config/process.ts'
import type { AddressPlan } from '../agent/address-plan.ts'
import type { MeshKnowledge } from '../agent/capture-facts.ts'
import { replacedDrainMs } from '../agent/captured-socket.ts'
import type { ContainerProcess } from '../agent/container-process.ts'
import type { PodRunner } from '../agent/pod-runner.ts'
import { createLoop, type Loop } from '../controllers/loop.ts'
import type { ClusterView } from '../controllers/view.ts'
import { adminPorts } from '../mesh-labels.ts'
import { accessLogConfig } from './access-log.ts'
import { type CertificateIssuer, Certificates } from './certificates.ts'
import { l7Config } from './l7-config.ts'
import { Linger } from './linger.ts'
import { localWorkload, representedPods } from './local-workloads.ts'
import { identityOf, proxyKindOf, workloadUid } from './naming.ts'
import { ProxyFeed } from './proxy-feed.ts'
import { meshState } from './registry.ts'

export interface ControlPlaneContext {
  readonly view: ClusterView
  readonly plan: AddressPlan
  readonly issuer: CertificateIssuer
  readonly trustDomain: string
  readonly certificateLifetimeMs: number
  runners(): readonly PodRunner[]
  /** What some proxy knows has changed. */
  onKnowledge(): void
  onNotice(notice: string): void
  onError(error: unknown): void
}

/** A deployment changes many objects at once; proxies need only the outcome. */
const debounceMs = 25

/** A connection in the kernel's queue of a pod that is about to stop, or a request on a kept one. */
const chosenLingerMs = 500
/** A ztunnel keeps what it needs for a pod it has given back until the last connection is cut. */
const representedLingerMs = replacedDrainMs + 1_000

/** Tells every proxy process of the cluster what it has to know, again whenever that changes. */
export class ControlPlane implements MeshKnowledge {
  readonly workloadUid = workloadUid
  readonly kindOf = proxyKindOf
  readonly #context: ControlPlaneContext
  readonly #certificates: Certificates
  readonly #loop: Loop
  readonly #feeds = new Map<string, { readonly feed: ProxyFeed; readonly runner: PodRunner }>()

  readonly #chosen: Linger
  readonly #represented: Linger
  /** Proxy and pod, as of the last push. */
  #held = new Set<string>()

  constructor(context: ControlPlaneContext) {
    this.#context = context
    this.#chosen = new Linger(chosenLingerMs, context.onKnowledge)
    this.#represented = new Linger(representedLingerMs, () => this.update())
    this.#loop = createLoop(() => this.#push(), { debounceMs, onError: context.onError })
    this.#certificates = new Certificates({
      issuer: context.issuer,
      lifetimeMs: context.certificateLifetimeMs,
      onIssued: () => this.update(),
      onError: context.onError,
    })
    const { pods, services, endpointSlices, gateways, gatewayClasses, namespaces } = context.view
    const { peerAuthentications, authorizationPolicies, requestAuthentications } = context.view
    const { httpRoutes, virtualServices, destinationRules } = context.view
    const { configMaps, telemetries } = context.view
    const informers = [
      pods,
      services,
      endpointSlices,
      gateways,
      gatewayClasses,
      namespaces,
      peerAuthentications,
      authorizationPolicies,
      requestAuthentications,
      httpRoutes,
      virtualServices,
      destinationRules,
      configMaps,
      telemetries,
    ]
    for (const informer of informers) informer.onChange(() => this.update())
  }

  update(): void {
    this.#loop.trigger()
  }

  /** The time of day is another: nobody may hold certificates of the old one. */
  renewCertificates(): void {
    this.#certificates.renew()
  }

  /** A proxy process has begun; from now on it is told everything it has to know. */
  attach(process: ContainerProcess, runner: PodRunner): void {
    const feed = new ProxyFeed(process, () => this.#context.onKnowledge())
    this.#feeds.set(process.id, { feed, runner })
    process.onReport((report) => {
      if (report.type === 'started') this.update()
      if (report.type === 'failed' && report.id === undefined) {
        const name = `${runner.namespace}/${runner.name}`
        this.#context.onNotice(`${name} rejects its configuration: ${report.message}`)
      }
    })
    void process.exited.then(() => {
      this.#feeds.delete(process.id)
      this.#context.onKnowledge()
    })
  }

  knows(process: string, uid: string): boolean {
    return this.#feeds.get(process)?.feed.knows(uid) ?? false
  }

  isReachedByHbone(uid: string): boolean {
    return [...this.#feeds.values()].some(({ feed }) => feed.mayUseHbone(uid))
  }

  isReachedByTls(uid: string): boolean {
    return [...this.#feeds.values()].some(({ feed }) => feed.mayUseTls(uid))
  }

  isChosenByProxies(uid: string): boolean {
    if ([...this.#feeds.values()].some(({ feed }) => feed.mayChoose(uid))) this.#chosen.see(uid)
    return this.#chosen.has(uid)
  }

  async stop(): Promise<void> {
    this.#certificates.stop()
    this.#chosen.stop()
    this.#represented.stop()
    await this.#loop.stop()
  }

  #push(): void {
    const { view, trustDomain, plan, runners, onKnowledge } = this.#context
    const state = meshState(view, trustDomain, plan.socket)
    const all = runners()
    const identities = new Set<string>()
    const held = new Set<string>()
    for (const { feed, runner } of this.#feeds.values()) {
      const represented = this.#representedBy(runner, all)
      for (const { pod, uid } of [runner, ...represented]) {
        identities.add(identityOf(pod, trustDomain))
        held.add(`${runner.uid} ${uid}`)
      }
      const config = this.#config(runner, represented, state)
      if (config) feed.push(config)
    }
    this.#held = held
    this.#certificates.retain(identities)
    onKnowledge()
  }

  #representedBy(proxy: PodRunner, all: readonly PodRunner[]): PodRunner[] {
    const now = representedPods(proxyKindOf(proxy.pod), proxy, all, this.#context.view)
    return all.filter((runner) => {
      const key = `${proxy.uid} ${runner.uid}`
      // A tunnel's end stays for as long as some proxy has not confirmed that it is gone.
      const isNeeded =
        this.#held.has(key) && this.isReachedByHbone(workloadUid(runner.namespace, runner.name))
      if (isNeeded || now.includes(runner)) this.#represented.see(key)
      return this.#represented.has(key)
    })
  }

  /** Undefined until the proxy's own certificate is there, and its own pod has an address. */
  #config(
    runner: PodRunner,
    represented: readonly PodRunner[],
    state: ProxyConfig['state'],
  ): Omit<ProxyConfig, 'version'> | undefined {
    const { trustDomain, plan, view } = this.#context
    const kind = proxyKindOf(runner.pod)
    const own = identityOf(runner.pod, trustDomain)
    const ownCertificate = this.#certificates.get(own)
    const known = new Set(state.workloads.map(({ uid }) => uid))
    const local = represented
      .map((one) => localWorkload(one, trustDomain, plan.socket, view))
      .filter(({ uid, identity }) => known.has(uid) && this.#certificates.get(identity))
    if (ownCertificate === undefined) return undefined
    if (kind !== 'ztunnel' && local.length === 0) return undefined
    const needed = new Set([own, ...local.map(({ identity }) => identity)])
    const { podIp } = runner.address
    const pod = view.pods.get(runner.name, runner.namespace) ?? runner.pod
    const l7 = l7Config(pod, view)
    const accessLog = accessLogConfig(pod, view)
    return {
      kind,
      trustDomain,
      pod: { name: runner.name, namespace: runner.namespace, ip: podIp },
      node: runner.node,
      state,
      local,
      certificates: [...needed].flatMap((identity) => this.#certificates.get(identity) ?? []),
      admin: {
        admin: plan.socket(podIp, adminPorts.admin),
        stats: plan.socket(podIp, adminPorts.stats),
        readiness: plan.socket(podIp, adminPorts.readiness),
      },
      ...(l7 ? { l7 } : {}),
      ...(accessLog ? { accessLog } : {}),
    }
  }
}
