import type { Store } from '../api/store.ts'
import { isPodReady } from '../controllers/conditions.ts'
import { createEventRecorder, type EventRecorder } from '../controllers/events.ts'
import { refOf } from '../controllers/ownership.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { Pod } from '../kinds.ts'
import { meshAnnotations, ztunnelNodeLabel } from '../mesh-labels.ts'
import type { Capture } from './capture.ts'
import type { MeshKnowledge } from './capture-facts.ts'
import { replacedDrainMs } from './captured-socket.ts'
import { nextTakeover, type Takeover, takeoverOf, wantsTakeover } from './takeover.ts'

export interface TakeoversContext {
  readonly store: Store
  readonly view: ClusterView
  readonly capture: Pick<Capture, 'arrivedIn' | 'hasTunnelEnd'>
  readonly mesh: Pick<MeshKnowledge, 'workloadUid' | 'kindOf' | 'isReachedByTls'>
  /** Running pods stay with their sidecars, as in Istio. */
  readonly disabled: boolean
  /** Time has changed something. */
  onDue(): void
}

/** Carries the pods with sidecars of a namespace over to ambient and back, see takeover.ts. */
export class Takeovers {
  readonly #context: TakeoversContext
  /** Pods whose sidecar drains: its timer, undefined once it has had its time. */
  readonly #drains = new Map<string, NodeJS.Timeout | undefined>()
  /** Pods that wait, and what was said of it. */
  readonly #told = new Map<string, string>()
  readonly #record: EventRecorder

  constructor(context: TakeoversContext) {
    this.#context = context
    this.#record = createEventRecorder(context.store, 'istio-cni-node')
  }

  /** `pods` are those that run here and do not stop. */
  update(pods: readonly Pod[]): void {
    const withSidecar = pods.filter(
      ({ metadata }) => metadata.annotations?.[meshAnnotations.sidecarStatus] !== undefined,
    )
    for (const pod of withSidecar) this.#step(pod, withSidecar)
    const present = new Set(withSidecar.map(({ metadata }) => metadata.uid ?? ''))
    for (const uid of this.#drains.keys()) if (!present.has(uid)) this.#forget(uid)
    for (const uid of this.#told.keys()) if (!present.has(uid)) this.#told.delete(uid)
  }

  stop(): void {
    for (const uid of [...this.#drains.keys()]) this.#forget(uid)
  }

  #step(pod: Pod, all: readonly Pod[]): void {
    const { capture } = this.#context
    const { uid = '', namespace } = pod.metadata
    const state = takeoverOf(pod)
    const wanted = this.#isWanted(pod)
    const together = all.filter(
      (other) =>
        other.metadata.namespace === namespace &&
        this.#isWanted(other) === wanted &&
        (wanted || takeoverOf(other) !== undefined),
    )
    const hasReturned = ({ metadata }: Pod): boolean =>
      capture.arrivedIn(metadata.uid ?? '', 'returning')
    const next = nextTakeover(state, {
      wanted,
      announced: state === 'leaving' && together.every((other) => this.#isAnnounced(other)),
      drained: state === 'draining' && capture.arrivedIn(uid, 'draining') && this.#hasDrained(uid),
      settled: state === 'returning' && together.every(hasReturned),
    })
    if (next !== 'draining') this.#forget(uid)
    this.#tellWaiting(pod, next === 'leaving' ? together : [])
    const redirected = pod.metadata.annotations?.[meshAnnotations.redirection] !== undefined
    const tunnelled = redirected || capture.hasTunnelEnd(uid)
    if (next !== state || (next !== undefined && tunnelled !== redirected)) {
      this.#write(pod, next, tunnelled)
    }
  }

  #isWanted(pod: Pod): boolean {
    const { disabled, view } = this.#context
    const { namespace = 'default' } = pod.metadata
    return !disabled && wantsTakeover(pod, view.namespaces.get(namespace)?.metadata.labels)
  }

  /** Peers tunnel to it, and none may still speak to its sidecar. */
  #isAnnounced(pod: Pod): boolean {
    const { mesh } = this.#context
    const { namespace = 'default', name, annotations } = pod.metadata
    const direct = mesh.isReachedByTls(mesh.workloadUid(namespace, name))
    return annotations?.[meshAnnotations.redirection] === 'enabled' && !direct
  }

  /** They move together, so that one node without a ztunnel keeps all of them. */
  #tellWaiting(pod: Pod, together: readonly Pod[]): void {
    const { uid = '', namespace } = pod.metadata
    const nodes = new Set(together.map(({ spec }) => spec.nodeName ?? ''))
    const without = [...nodes].filter((node) => !this.#hasZtunnel(node)).sort()
    if (without.length === 0) {
      this.#told.delete(uid)
      return
    }
    const named = `${without.length > 1 ? 'nodes' : 'node'} ${without.join(', ')}`
    const message =
      `Keeps its sidecar: no ztunnel is ready on ${named}, and pods of namespace ${namespace} go over to ` +
      `ambient together. Label the node ${ztunnelNodeLabel}=true, or see why its ztunnel is not ready`
    if (this.#told.get(uid) === message) return
    this.#told.set(uid, message)
    this.#record(pod, { type: 'Warning', reason: 'TakeoverWaiting', message })
  }

  #hasZtunnel(node: string): boolean {
    const { view, mesh } = this.#context
    return view.pods
      .all()
      .some(
        (pod) => pod.spec.nodeName === node && mesh.kindOf(pod) === 'ztunnel' && isPodReady(pod),
      )
  }

  #hasDrained(uid: string): boolean {
    if (this.#drains.has(uid)) return this.#drains.get(uid) === undefined
    const timer = setTimeout(() => {
      this.#drains.set(uid, undefined)
      this.#context.onDue()
    }, replacedDrainMs)
    this.#drains.set(uid, timer.unref())
    return false
  }

  #forget(uid: string): void {
    clearTimeout(this.#drains.get(uid))
    this.#drains.delete(uid)
  }

  #write(pod: Pod, state: Takeover | undefined, tunnelled: boolean): void {
    this.#context.store.mutate<Pod>(refOf(pod), (current) => {
      if (current.metadata.uid !== pod.metadata.uid) return undefined
      const {
        [meshAnnotations.takeover]: _,
        [meshAnnotations.redirection]: __,
        ...others
      } = current.metadata.annotations ?? {}
      const annotations = {
        ...others,
        ...(state ? { [meshAnnotations.takeover]: state } : {}),
        ...(state && tunnelled ? { [meshAnnotations.redirection]: 'enabled' } : {}),
      }
      return { ...current, metadata: { ...current.metadata, annotations } }
    })
  }
}
