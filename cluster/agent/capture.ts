import { createLoop, type Loop } from '../controllers/loop.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { ImageCatalogue } from '../images.ts'
import type { AddressPlan } from './address-plan.ts'
import { bindSocket } from './bound-socket.ts'
import {
  capturePod,
  captureServices,
  captureZtunnels,
  type MeshKnowledge,
} from './capture-facts.ts'
import { type CapturePod, planCapture } from './capture-plan.ts'
import { CapturedSocket, type CapturedSocketContext } from './captured-socket.ts'
import type { ContainerProcess } from './container-process.ts'
import { AgentError, messageOf } from './errors.ts'
import type { PodRunner } from './pod-runner.ts'
import type { PodFacts } from './pod-status.ts'
import type { Takeover } from './takeover.ts'

export interface CaptureContext {
  readonly plan: AddressPlan
  readonly view: ClusterView
  readonly images: ImageCatalogue
  readonly mesh: MeshKnowledge
  runners(): readonly PodRunner[]
  /** Some pod's sockets have arrived where they belong, or cannot. */
  onSettled(): void
  onNotice(notice: string): void
  onError(error: unknown): void
}

/**
 * How long a pod that is about to stop waits for clients to be pointed elsewhere: what confirms it may
 * be slow on a busy machine, but the applications need the better part of their grace for themselves.
 */
const releaseTimeoutMs = (graceMs: number): number => Math.max(4_000, graceMs / 3)

/** Keeps every socket of every pod with its owner, as capture-plan.ts says. */
export class Capture {
  readonly #context: CaptureContext
  readonly #loop: Loop
  readonly #sockets = new Map<string, CapturedSocket>()
  readonly #processes = new Map<string, ContainerProcess>()
  /** No longer wanted, and on their way back from their owners. */
  readonly #retired = new Set<string>()
  readonly #reported = new Set<string>()
  #pods = new Map<string, CapturePod>()
  #ztunnels: ReturnType<typeof captureZtunnels> = new Map()
  /** Asked for every pod after every move; undefined when sockets have come or gone since. */
  #byPod: Map<string, CapturedSocket[]> | undefined
  #waiting: { readonly isDone: () => boolean; readonly resolve: () => void }[] = []

  constructor(context: CaptureContext) {
    this.#context = context
    this.#loop = createLoop(() => this.#update(), { onError: context.onError })
    const { pods, services, endpointSlices, namespaces } = context.view
    for (const informer of [pods, services, endpointSlices, namespaces]) {
      informer.onChange(() => this.update())
    }
  }

  /** Something it depends on has changed. */
  update(): void {
    this.#loop.trigger()
  }

  addProcess(process: ContainerProcess): void {
    this.#processes.set(process.id, process)
    process.onReport(({ type }) => {
      if (type === 'started') this.update()
    })
    void process.exited.then(() => {
      this.#processes.delete(process.id)
      for (const socket of this.#sockets.values()) socket.drop(process.id)
      this.update()
    })
  }

  /**
   * Whether the pod can be reached. Ambient decides about that only for a pod born in it: one that is
   * enrolled while running stays ready on its way, and one whose ztunnel fails stays ready as well, as
   * in Istio: the traffic fails, not the pod.
   */
  network(uid: string): PodFacts['network'] {
    const pod = this.#pods.get(uid)
    if (!pod) return { reason: 'SocketNotServed', message: 'not captured yet' }
    const waitsForProxy = pod.dataplane !== 'ambient' || pod.redirection === 'pending'
    const unserved = this.#socketsOf(uid).filter(
      ({ wanted, isServed }) =>
        !isServed && !wanted.optional && (wanted.by === 'app' || waitsForProxy),
    )
    const [first] = unserved
    if (!first) return 'served'
    if (first.error !== undefined) return { reason: 'SocketNotServed', message: first.error }
    return first.wanted.by === 'proxy'
      ? { reason: 'ProxyNotReady', message: 'waiting for its proxy to serve its sockets' }
      : { reason: 'SocketNotServed', message: 'waiting for the application to serve its sockets' }
  }

  /** By whom all of the pod's sockets are served; undefined while they are on the way. */
  servedBy(uid: string): 'app' | 'proxy' | undefined {
    const sockets = this.#socketsOf(uid)
    const arrived = sockets.every(
      ({ wanted, isServed, isSettled }) => isSettled && (isServed || wanted.optional),
    )
    if (!arrived || !this.#pods.has(uid)) return undefined
    return sockets.some(({ wanted }) => wanted.by === 'proxy') ? 'proxy' : 'app'
  }

  /** Whether all sockets are with whom this state of a takeover gives them to. */
  arrivedIn(uid: string, state: Takeover | undefined): boolean {
    return this.#pods.get(uid)?.takeover === state && this.servedBy(uid) === 'proxy'
  }

  /** Whether tunnels to the pod end at its ztunnel, or at a sidecar that the ztunnel is ready to follow. */
  hasTunnelEnd(uid: string): boolean {
    const pod = this.#pods.get(uid)
    const followed = this.#ztunnels
      .get(pod?.node ?? '')
      ?.some((one) => one.knows(pod?.workloadUid ?? ''))
    return this.#socketsOf(uid).some(
      ({ wanted, isServed, isSettled }) =>
        wanted.id.startsWith('hbone/') &&
        isServed &&
        isSettled &&
        (followed === true || !wanted.owners.some(({ process }) => process === pod?.sidecar)),
    )
  }

  /** Resolves when nobody is pointed at this pod any more, or after a while. */
  released(runner: PodRunner, graceMs: number): Promise<void> {
    const own = new Set(runner.processes().map(({ process }) => process.id))
    const { mesh } = this.#context
    const uid = mesh.workloadUid(runner.namespace, runner.name)
    const isDone = (): boolean =>
      !mesh.isChosenByProxies(uid) &&
      ![...this.#sockets.values()].some(
        (socket) =>
          socket.podUid !== runner.uid && [...own].some((process) => socket.isOwnedBy(process)),
      )
    if (isDone()) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(), releaseTimeoutMs(graceMs))
      const finish = (): void => {
        clearTimeout(timer)
        this.#waiting = this.#waiting.filter((one) => one !== entry)
        resolve()
      }
      const entry = { isDone, resolve: finish }
      this.#waiting.push(entry)
    })
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    for (const socket of this.#sockets.values()) socket.stop()
    this.#sockets.clear()
    for (const { resolve } of this.#waiting) resolve()
  }

  #update(): void {
    const { view, images, mesh, runners } = this.#context
    const all = runners()
    const pods = all.map((runner) => capturePod(runner, view, images, mesh))
    this.#pods = new Map(pods.map((pod) => [pod.uid, pod]))
    const ztunnels = captureZtunnels(all, mesh)
    this.#ztunnels = ztunnels
    const services = captureServices(view.services.all(), view.endpointSlices.all())
    const desired = planCapture({ pods, services, ztunnels })
    const wanted = new Set(desired.map(({ id }) => id))
    for (const socket of desired) {
      this.#retired.delete(socket.id)
      const present = this.#sockets.get(socket.id)
      if (present) present.want(socket)
      else {
        const made = new CapturedSocket(socket, this.#socketContext())
        this.#sockets.set(socket.id, made)
        made.want(socket)
      }
    }
    for (const [id, socket] of this.#sockets) {
      if (wanted.has(id)) continue
      this.#retired.add(id)
      socket.want({ ...socket.wanted, owners: [] })
    }
    this.#byPod = undefined
    this.#settled()
  }

  #socketContext(): CapturedSocketContext {
    const { plan } = this.#context
    return {
      bind: (host, port) => {
        const actual = plan.socket(host, port)
        return bindSocket(actual.host, actual.port)
      },
      process: (id) => this.#processes.get(id),
      onSettled: () => this.#settled(),
      onError: (error) => this.#report(error),
    }
  }

  #settled(): void {
    for (const id of this.#retired) {
      const socket = this.#sockets.get(id)
      if (socket && !socket.isSettled) continue
      socket?.stop()
      this.#sockets.delete(id)
      this.#retired.delete(id)
      this.#byPod = undefined
    }
    for (const { isDone, resolve } of [...this.#waiting]) if (isDone()) resolve()
    this.#context.onSettled()
  }

  #report(error: unknown): void {
    // A process that ends while it is handed something is news of its own.
    if (error instanceof AgentError && error.code === 'PROCESS_GONE') return
    const message = messageOf(error)
    if (this.#reported.has(message)) return
    this.#reported.add(message)
    const hint = error instanceof AgentError ? ` ${error.hint}` : ''
    this.#context.onNotice(`${message}.${hint}`)
  }

  #socketsOf(uid: string): readonly CapturedSocket[] {
    this.#byPod ??= this.#groupByPod()
    return this.#byPod.get(uid) ?? []
  }

  #groupByPod(): Map<string, CapturedSocket[]> {
    const groups = new Map<string, CapturedSocket[]>()
    for (const [id, socket] of this.#sockets) {
      if (this.#retired.has(id)) continue
      const group = groups.get(socket.podUid)
      if (group) group.push(socket)
      else groups.set(socket.podUid, [socket])
    }
    return groups
  }
}
