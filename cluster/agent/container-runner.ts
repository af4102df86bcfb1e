import { constants } from 'node:os'
import { timestamp } from '../controllers/conditions.ts'
import type { Container, ContainerState, ContainerStatus, Probe } from '../kinds.ts'
import { BackOff } from './back-off.ts'
import type { ContainerProcess, Exit } from './container-process.ts'
import { AgentError, messageOf } from './errors.ts'
import { Prober, type ProbeTarget } from './probe.ts'

export interface ContainerRunnerOptions {
  readonly container: Container
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never'
  readonly graceMs: number
  readonly probeTarget: ProbeTarget
  /** Starts one more run; throws when there is nothing to start. */
  readonly launch: (restartCount: number) => ContainerProcess
  readonly onChange: () => void
  readonly onCrash: (exit: string) => void
}

const minLaunchRetryMs = 1_000

/**
 * Keeps one container of a pod as its restart policy says.
 * - At most one process at a time.
 * - `started` needs the process's own report and then the startup probe; `ready` needs `started` and
 *   the readiness probe. Both fall back to false with every exit.
 */
export class ContainerRunner {
  readonly container: Container
  readonly #options: ContainerRunnerOptions
  readonly #backOff = new BackOff()
  #process: ContainerProcess | undefined
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } }
  #lastState: ContainerState = {}
  #restartCount = 0
  #started = false
  #ready = false
  #probers: Prober[] = []
  #timer: NodeJS.Timeout | undefined
  #stopping = false
  #hasReportedLaunch = false

  constructor(options: ContainerRunnerOptions) {
    this.#options = options
    this.container = options.container
  }

  /** The live run, if any. */
  get process(): ContainerProcess | undefined {
    return this.#process?.hasExited ? undefined : this.#process
  }

  get isStarted(): boolean {
    return this.#started
  }

  get isReady(): boolean {
    return this.#ready
  }

  /** It has ended and will not be started again: its exit code. */
  get finalExitCode(): number | undefined {
    const ended = this.#state.terminated
    return ended && !this.#timer ? ended.exitCode : undefined
  }

  status(): ContainerStatus {
    const { name, image } = this.container
    const pid = this.process?.pid
    return {
      name,
      image,
      imageID: `process://${image}`,
      ...(pid === undefined ? {} : { containerID: `process://${pid}` }),
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restartCount,
      state: this.#state,
      lastState: this.#lastState,
    }
  }

  start(): void {
    this.#timer = undefined
    if (this.#stopping) return
    let process: ContainerProcess
    try {
      process = this.#options.launch(this.#restartCount)
    } catch (error) {
      this.#onCannotLaunch(error)
      return
    }
    this.#process = process
    this.#state = { running: { startedAt: timestamp(process.startedAt) } }
    process.onReport(({ type }) => {
      if (type === 'started') this.#onUp()
    })
    void process.exited.then((exit) => this.#onExit(process, exit))
    this.#options.onChange()
  }

  /** SIGTERM, then SIGKILL when the grace period is over. Resolves when the process is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#stopProbes()
    await this.#terminate(graceMs)
    if (this.#state.waiting) this.#state = { waiting: { reason: 'PodTerminating' } }
  }

  async #terminate(graceMs: number): Promise<void> {
    const process = this.process
    if (!process) return
    process.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL')
    const timer = setTimeout(() => process.kill('SIGKILL'), graceMs)
    await process.exited
    clearTimeout(timer)
  }

  /** An image may never come; a port may be free again soon. */
  #onCannotLaunch(error: unknown): void {
    const unknown = error instanceof AgentError && error.code === 'UNKNOWN_IMAGE'
    const hint = error instanceof AgentError ? `. ${error.hint}` : ''
    const message = `${messageOf(error)}${hint}`
    const reason = unknown ? 'ErrImageNeverPull' : 'CreateContainerError'
    this.#state = { waiting: { reason, message } }
    if (!unknown) {
      // Once is enough for people; the status goes on saying it.
      const delayMs = Math.max(this.#backOff.next(0), minLaunchRetryMs)
      this.#timer = setTimeout(() => this.start(), delayMs)
    }
    if (!this.#hasReportedLaunch) this.#options.onCrash(`cannot be started: ${message}`)
    this.#hasReportedLaunch = true
    this.#options.onChange()
  }

  #onUp(): void {
    const { startupProbe } = this.container
    if (startupProbe) {
      this.#watch(startupProbe, (healthy) => {
        if (!healthy) void this.#terminate(this.#options.graceMs)
        else if (!this.#started) this.#onStarted()
      })
    } else this.#onStarted()
  }

  #onStarted(): void {
    this.#stopProbes()
    this.#started = true
    const { readinessProbe, livenessProbe } = this.container
    if (readinessProbe) {
      this.#watch(readinessProbe, (healthy) => {
        this.#ready = healthy
        this.#options.onChange()
      })
    } else this.#ready = true
    if (livenessProbe) {
      this.#watch(livenessProbe, (healthy, detail) => {
        if (healthy) return
        this.#options.onCrash(`fails its liveness probe (${detail}) and is restarted`)
        void this.#terminate(this.#options.graceMs)
      })
    }
    this.#options.onChange()
  }

  #watch(probe: Probe, onVerdict: (healthy: boolean, detail: string) => void): void {
    this.#probers.push(new Prober({ probe, onVerdict, ...this.#options.probeTarget }))
  }

  #stopProbes(): void {
    for (const prober of this.#probers) prober.stop()
    this.#probers = []
  }

  #onExit(process: ContainerProcess, exit: Exit): void {
    this.#stopProbes()
    this.#started = false
    this.#ready = false
    const terminated = terminatedState(process, exit)
    this.#state = { terminated }
    const { restartPolicy } = this.#options
    const again =
      !this.#stopping &&
      (restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && terminated.exitCode !== 0))
    if (again) {
      if (terminated.exitCode !== 0) this.#options.onCrash(describe(exit))
      const delayMs = this.#backOff.next(Date.now() - process.startedAt.getTime())
      this.#lastState = this.#state
      this.#restartCount += 1
      const message = `back-off ${delayMs / 1000}s restarting failed container`
      this.#state = { waiting: { reason: 'CrashLoopBackOff', message } }
      this.#timer = setTimeout(() => this.start(), delayMs)
    }
    this.#options.onChange()
  }
}

function terminatedState(
  process: ContainerProcess,
  { exitCode, signal, startError }: Exit,
): NonNullable<ContainerState['terminated']> {
  const number = signal === undefined ? undefined : constants.signals[signal]
  // A shell's convention, which Kubernetes follows: 128 + signal.
  const code = number === undefined ? exitCode : 128 + number
  return {
    exitCode: code,
    ...(number === undefined ? {} : { signal: number }),
    reason: startError ? 'StartError' : code === 0 ? 'Completed' : 'Error',
    ...(startError ? { message: startError } : {}),
    startedAt: timestamp(process.startedAt),
    finishedAt: timestamp(),
    ...(process.pid === undefined ? {} : { containerID: `process://${process.pid}` }),
  }
}

function describe({ exitCode, signal, startError }: Exit): string {
  if (startError) return `could not be started: ${startError}`
  return signal ? `was ended by ${signal}` : `exited with code ${exitCode}`
}
