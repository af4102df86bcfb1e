import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../api/store.ts'
import type { EventRecorder } from '../controllers/events.ts'
import { refOf } from '../controllers/ownership.ts'
import type { ImageCatalogue } from '../images.ts'
import type { Container, Pod, Service } from '../kinds.ts'
import { adminPorts, meshAnnotations } from '../mesh-labels.ts'
import type { AddressPlan, PodAddress } from './address-plan.ts'
import { bindSocket } from './bound-socket.ts'
import { ContainerProcess } from './container-process.ts'
import { ContainerRunner } from './container-runner.ts'
import { environmentOf } from './environment.ts'
import { AgentError } from './errors.ts'
import { LogFile } from './log-file.ts'
import { isSidecar, type PodFacts, podStatus } from './pod-status.ts'

export interface PodRunnerContext {
  readonly store: Store
  readonly plan: AddressPlan
  readonly images: ImageCatalogue
  readonly logDirectory: string
  servicesOf(namespace: string): readonly Service[]
  /** Whether the pod's sockets are with whom they should be. */
  network(uid: string): PodFacts['network']
  /** Resolves when nobody is pointed at this pod any more, or after a while. */
  released(graceMs: number): Promise<void>
  /** A run of a container has just begun. */
  onProcess(process: ContainerProcess): void
  /** A process came up or went away, or readiness changed. */
  onChange(): void
  onNotice(notice: string): void
  readonly record: EventRecorder
}

const defaultGraceSeconds = 30
const keptRuns = 2

/**
 * Runs one pod bound to a node: init containers in order, native sidecars before and after the
 * application, restarts, status. The pod object is followed only for its deletion; labels and
 * annotations are read by others.
 */
export class PodRunner {
  readonly pod: Pod
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly node: string
  readonly address: PodAddress
  /** `namespace/service` -> the address at which this pod reaches it. */
  readonly captures = new Map<string, string>()
  readonly #context: PodRunnerContext
  readonly #init: readonly ContainerRunner[]
  readonly #apps: readonly ContainerRunner[]
  readonly #begun = new Set<ContainerRunner>()
  readonly #startedAt = new Date()
  readonly #graceMs: number
  #initialized = false
  #ending: Promise<void> | undefined
  #finished = false
  #statusDue: NodeJS.Immediate | undefined

  constructor(pod: Pod, context: PodRunnerContext) {
    this.pod = pod
    this.uid = pod.metadata.uid ?? ''
    this.namespace = pod.metadata.namespace ?? 'default'
    this.name = pod.metadata.name
    this.node = pod.spec.nodeName ?? ''
    this.#context = context
    this.address = context.plan.takePod()
    this.#graceMs = (pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000
    const policy = pod.spec.restartPolicy ?? 'Always'
    this.#init = (pod.spec.initContainers ?? []).map((container) =>
      this.#runner(
        container,
        container.restartPolicy ?? (policy === 'Always' ? 'OnFailure' : policy),
      ),
    )
    this.#apps = pod.spec.containers.map((container) => this.#runner(container, policy))
  }

  start(): void {
    this.#advance()
    this.#writeStatus()
  }

  /** The live process of each container. */
  processes(): { readonly container: Container; readonly process: ContainerProcess }[] {
    return [...this.#init, ...this.#apps].flatMap(({ container, process }) =>
      process ? [{ container, process }] : [],
    )
  }

  /** Containers of the application, without native sidecars. */
  get appContainers(): readonly Container[] {
    return this.pod.spec.containers
  }

  /** Where the output of one run of a container is kept. */
  logPath(container: string, restartCount: number): string {
    return join(this.#logFolder, container, `${restartCount}.log`)
  }

  /** Logs go with their pod, as with kubelet. */
  removeLogs(): void {
    rmSync(this.#logFolder, { recursive: true, force: true })
  }

  get #logFolder(): string {
    return join(this.#context.logDirectory, `${this.namespace}_${this.name}`)
  }

  restartCount(container: string): number | undefined {
    const runner = [...this.#init, ...this.#apps].find((one) => one.container.name === container)
    return runner?.status().restartCount
  }

  /** Whether all its application containers are ready. */
  get isReady(): boolean {
    return this.#apps.every(({ isReady }) => isReady)
  }

  get isStopping(): boolean {
    return this.#ending !== undefined
  }

  /** Writes the status again: something outside the containers has changed. */
  refresh(): void {
    this.#writeStatus()
  }

  /** Application first, then sidecars; resolves when every process is gone. */
  stop(graceMs = this.#graceMs): Promise<void> {
    this.#ending ??= this.#stop(graceMs)
    return this.#ending
  }

  /** Ends every process now. */
  async kill(): Promise<void> {
    this.#ending ??= Promise.resolve()
    await Promise.all([...this.#init, ...this.#apps].map((runner) => runner.stop(0)))
    this.#finish()
  }

  async #stop(graceMs: number): Promise<void> {
    const deadlineMs = performance.now() + graceMs
    if (graceMs > 0) await this.#context.released(graceMs)
    const left = (): number => Math.max(deadlineMs - performance.now(), 0)
    await Promise.all(this.#apps.map((runner) => runner.stop(left())))
    for (const runner of [...this.#init].reverse()) await runner.stop(left())
    this.#finish()
  }

  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    clearImmediate(this.#statusDue)
    this.#context.plan.releasePod(this.address)
    for (const address of this.captures.values()) this.#context.plan.releaseCapture(address)
    this.captures.clear()
    this.#context.onChange()
  }

  #runner(container: Container, restartPolicy: 'Always' | 'OnFailure' | 'Never'): ContainerRunner {
    const { plan, images, onNotice } = this.#context
    const isProxy = images[container.image]?.protocol === 'proxy'
    return new ContainerRunner({
      container,
      restartPolicy,
      graceMs: this.#graceMs,
      probeTarget: {
        host: isProxy ? this.address.podIp : this.address.appHost,
        container,
        socket: plan.socket,
      },
      launch: (restartCount) => this.#launch(container, restartCount),
      onChange: () => this.#onContainerChange(),
      onCrash: (what) => onNotice(`${this.namespace}/${this.name}: ${container.name} ${what}`),
    })
  }

  #launch(container: Container, restartCount: number): ContainerProcess {
    const { images } = this.#context
    const image = images[container.image]
    if (!image) {
      throw new AgentError('UNKNOWN_IMAGE', `no image "${container.image}" on this machine`, {
        hint: `Known images: ${Object.keys(images).sort().join(', ')}.`,
      })
    }
    this.#checkPorts(container, image.protocol === 'proxy')
    const process = new ContainerProcess({
      id: `${this.uid}/${container.name}/${restartCount}`,
      image,
      args: container.args ?? [],
      env: this.#environment(container, image.title),
      log: new LogFile(this.logPath(container.name, restartCount), ({ message }) =>
        this.#context.record(this.pod, {
          type: 'Warning',
          reason: 'LogNotWritten',
          message: `Output of container ${container.name} is being lost: ${message}`,
          fieldPath: `spec.containers{${container.name}}`,
          host: this.node,
        }),
      ),
    })
    this.#forgetLog(container.name, restartCount - keptRuns)
    this.#context.onProcess(process)
    return process
  }

  /** A listener on all addresses, of whatever program, keeps everybody from this port. */
  #checkPorts(container: Container, isProxy: boolean): void {
    const { podIp, appHost } = this.address
    const ports = isProxy
      ? Object.values(adminPorts)
      : (container.ports ?? []).map(({ containerPort }) => containerPort)
    for (const port of ports) {
      const socket = this.#context.plan.socket(isProxy ? podIp : appHost, port)
      bindSocket(socket.host, socket.port).close()
    }
  }

  #environment(container: Container, title: string): Record<string, string> {
    const { plan } = this.#context
    const services = this.#calledServices()
      .filter(({ service: { spec } }) => spec.clusterIP !== undefined)
      .map(({ service, name }) => {
        const address = this.#captureAddress(service)
        return { service, name, reach: (port: number) => plan.socket(address, port) }
      })
    const facts = { pod: this.pod, address: this.address, socket: plan.socket, services }
    return { PROCESS_TITLE: title, ...environmentOf(container, facts) }
  }

  /** Those of its namespace, as in Kubernetes; of others what it is annotated to call by `name.namespace`. */
  #calledServices(): { readonly service: Service; readonly name: string }[] {
    const { servicesOf } = this.#context
    const elsewhere = this.pod.metadata.annotations?.[meshAnnotations.calls] ?? ''
    const named = elsewhere.split(',').flatMap((item) => {
      const [name = '', namespace = ''] = item.trim().split('.')
      const service = servicesOf(namespace).find(({ metadata }) => metadata.name === name)
      return service === undefined ? [] : [{ service, name: `${name}.${namespace}` }]
    })
    const own = servicesOf(this.namespace).map((service) => ({
      service,
      name: service.metadata.name,
    }))
    return [...own, ...named]
  }

  #captureAddress(service: Service): string {
    const key = `${service.metadata.namespace}/${service.metadata.name}`
    const address = this.captures.get(key) ?? this.#context.plan.takeCapture()
    this.captures.set(key, address)
    return address
  }

  #forgetLog(container: string, restartCount: number): void {
    const path = this.logPath(container, restartCount)
    for (const file of [path, `${path}.1`]) rmSync(file, { force: true })
  }

  #onContainerChange(): void {
    this.#advance()
    this.#writeStatus()
    this.#context.onChange()
  }

  /** Starts whatever may start now. */
  #advance(): void {
    if (this.isStopping) return
    for (const runner of this.#init) {
      this.#begin(runner)
      if (!this.#isInitDone(runner)) return
    }
    this.#initialized = true
    for (const runner of this.#apps) this.#begin(runner)
    if (this.#exitCodes()) void this.#stopSidecars()
  }

  #begin(runner: ContainerRunner): void {
    if (this.#begun.has(runner)) return
    this.#begun.add(runner)
    runner.start()
  }

  /** Once past initialisation, a sidecar that restarts does not hold anything up. */
  #isInitDone(runner: ContainerRunner): boolean {
    if (this.#initialized) return true
    return isSidecar(this.pod, runner.container.name)
      ? runner.isStarted
      : runner.finalExitCode === 0
  }

  async #stopSidecars(): Promise<void> {
    for (const runner of [...this.#init].reverse()) await runner.stop(this.#graceMs)
  }

  /** Set once every application container has ended for good, or initialisation has failed. */
  #exitCodes(): readonly number[] | undefined {
    const failedInit = this.#init.find(({ finalExitCode }) => (finalExitCode ?? 0) !== 0)
    if (failedInit && !this.#initialized) return [failedInit.finalExitCode ?? 1]
    const codes = this.#apps.map(({ finalExitCode }) => finalExitCode)
    return codes.every((code) => code !== undefined) ? codes : undefined
  }

  #writeStatus(): void {
    if (this.#finished) return
    this.#statusDue ??= setImmediate(() => {
      this.#statusDue = undefined
      const facts: PodFacts = {
        podIp: this.address.podIp,
        startedAt: this.#startedAt,
        initialized: this.#initialized,
        initContainers: this.#init.map((runner) => runner.status()),
        containers: this.#apps.map((runner) => runner.status()),
        network: this.#context.network(this.uid),
        exitCodes: this.isStopping ? undefined : this.#exitCodes(),
      }
      this.#context.store.mutateStatus<Pod>(refOf(this.pod), (current) =>
        current.metadata.uid === this.uid
          ? { ...current, status: podStatus(current, facts) }
          : undefined,
      )
    })
  }
}
