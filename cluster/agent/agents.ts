import type { Store } from '../api/store.ts'
import { isTrue } from '../controllers/conditions.ts'
import { createEventRecorder, type EventRecorder } from '../controllers/events.ts'
import { createLoop, type Loop } from '../controllers/loop.ts'
import { refOf } from '../controllers/ownership.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { ImageCatalogue } from '../images.ts'
import type { Node, Pod } from '../kinds.ts'
import { simulatedNodeLabel } from '../mesh-labels.ts'
import type { AddressPlan } from './address-plan.ts'
import { Capture } from './capture.ts'
import type { MeshKnowledge } from './capture-facts.ts'
import type { ContainerProcess } from './container-process.ts'
import { noteEnrolment } from './enrolment.ts'
import { readyStatus } from './node-status.ts'
import { PodRunner } from './pod-runner.ts'
import { Takeovers } from './takeovers.ts'

export interface NodeAgentsContext {
  readonly store: Store
  readonly view: ClusterView
  readonly plan: AddressPlan
  readonly images: ImageCatalogue
  readonly logDirectory: string
  readonly mesh: MeshKnowledge & {
    /** A proxy process has begun; it wants to be configured. */
    attach(process: ContainerProcess, runner: PodRunner): void
    update(): void
  }
  /** A running pod keeps its sidecar until it is recreated, as in Istio. */
  readonly istioSemantics: boolean
  readonly onNotice: (notice: string) => void
  readonly onError: (error: unknown) => void
}

/** Time for processes to end by themselves when the whole cluster stops. */
const shutdownGraceMs = 1_000

/**
 * The agents of all simulated nodes: each Node object with the label has one, which runs the pods
 * bound to it as child processes of this process.
 */
export class NodeAgents {
  readonly #context: NodeAgentsContext
  readonly #runners = new Map<string, PodRunner>()
  readonly #capture: Capture
  readonly #takeovers: Takeovers
  readonly #loop: Loop
  readonly #record: EventRecorder
  #stopped = false

  constructor(context: NodeAgentsContext) {
    this.#context = context
    this.#record = createEventRecorder(context.store, 'kubelet')
    this.#capture = new Capture({
      ...context,
      runners: () => this.runners(),
      onSettled: () => this.#onSettled(),
    })
    this.#takeovers = new Takeovers({
      ...context,
      capture: this.#capture,
      disabled: context.istioSemantics,
      onDue: () => this.#capture.update(),
    })
    this.#loop = createLoop(() => this.#reconcile(), { onError: context.onError })
    const { pods, nodes } = context.view
    for (const informer of [pods, nodes]) informer.onChange(() => this.#loop.trigger())
    pods.onChange((pod, deleted) => {
      if (deleted) this.#onDeleted(pod)
    })
    this.#loop.trigger()
  }

  runners(): readonly PodRunner[] {
    return [...this.#runners.values()]
  }

  /** What proxies have been told has changed: sockets may move. */
  updateCapture(): void {
    this.#capture.update()
  }

  /** Resolves when no child is left. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#loop.stop()
    this.#takeovers.stop()
    await this.#capture.stop()
    await Promise.all(this.runners().map((runner) => this.#stopFast(runner)))
    this.#runners.clear()
  }

  async #stopFast(runner: PodRunner): Promise<void> {
    for (const { process } of runner.processes()) process.kill('SIGTERM')
    const ended = Promise.all(runner.processes().map(({ process }) => process.exited))
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      ended,
      new Promise((resolve) => {
        timer = setTimeout(resolve, shutdownGraceMs)
      }),
    ])
    clearTimeout(timer)
    await runner.kill()
  }

  #reconcile(): void {
    const { view } = this.#context
    for (const node of view.nodes.all()) if (isSimulated(node)) this.#markReady(node)
    for (const pod of view.pods.all()) {
      const runner = this.#runners.get(pod.metadata.uid ?? '')
      if (runner && pod.metadata.deletionTimestamp && !runner.isStopping) this.#end(runner, pod)
      else if (!runner && this.#isOurs(pod)) this.#begin(pod)
    }
  }

  #isOurs(pod: Pod): boolean {
    const { nodeName } = pod.spec
    const node = nodeName === undefined ? undefined : this.#context.view.nodes.get(nodeName)
    const phase = pod.status?.phase
    return node !== undefined && isSimulated(node) && phase !== 'Succeeded' && phase !== 'Failed'
  }

  #begin(pod: Pod): void {
    const { store, view } = this.#context
    if (pod.metadata.deletionTimestamp) {
      store.delete(refOf(pod), { gracePeriodSeconds: 0 })
      return
    }
    const runner = new PodRunner(pod, {
      ...this.#context,
      servicesOf: (namespace) =>
        view.services.all().filter(({ metadata }) => metadata.namespace === namespace),
      network: (uid) => this.#capture.network(uid),
      released: (graceMs) => this.#capture.released(runner, graceMs),
      onProcess: (process) => this.#onProcess(runner, process),
      onChange: () => this.#onChange(),
      record: this.#record,
    })
    this.#runners.set(runner.uid, runner)
    noteEnrolment(pod, 'starting', this.#context)
    runner.start()
  }

  #onProcess(runner: PodRunner, process: ContainerProcess): void {
    this.#capture.addProcess(process)
    if (process.protocol === 'proxy') this.#context.mesh.attach(process, runner)
  }

  #onChange(): void {
    this.#capture.update()
    this.#context.mesh.update()
  }

  /** Readiness and enrolment hang on where sockets are. */
  #onSettled(): void {
    if (this.#stopped) return
    const running: Pod[] = []
    for (const runner of this.#runners.values()) {
      const pod = this.#context.view.pods.get(runner.name, runner.namespace)
      if (!pod || pod.metadata.uid !== runner.uid) continue
      if (!runner.isStopping) running.push(pod)
      noteEnrolment(pod, this.#capture.servedBy(runner.uid), this.#context)
      runner.refresh()
    }
    this.#takeovers.update(running)
  }

  #end(runner: PodRunner, pod: Pod): void {
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000
    void runner.stop(graceMs).then(() => {
      this.#runners.delete(runner.uid)
      this.#removeLogs(runner)
      this.#onChange()
      const { uid } = pod.metadata
      const preconditions = uid === undefined ? {} : { preconditions: { uid } }
      try {
        this.#context.store.delete(refOf(pod), { gracePeriodSeconds: 0, ...preconditions })
      } catch (error) {
        this.#context.onError(error)
      }
    })
  }

  /** Deleted by force: the object is gone, its processes must follow. */
  #onDeleted(pod: Pod): void {
    const runner = this.#runners.get(pod.metadata.uid ?? '')
    if (!runner) return
    void runner.kill().then(() => {
      this.#runners.delete(runner.uid)
      this.#removeLogs(runner)
      this.#onChange()
    })
  }

  /** Unless a pod of the same name, of a StatefulSet for example, has begun to write there. */
  #removeLogs(runner: PodRunner): void {
    const { namespace, name } = runner
    const isTaken = this.runners().some((one) => one.namespace === namespace && one.name === name)
    if (!isTaken) runner.removeLogs()
  }

  #markReady(node: Node): void {
    if (isTrue(node.status?.conditions, 'Ready')) return
    this.#context.store.mutateStatus<Node>(refOf(node), (current) => ({
      ...current,
      status: readyStatus(current),
    }))
  }
}

function isSimulated(node: Node): boolean {
  return node.metadata.labels?.[simulatedNodeLabel] === 'true'
}
