import { request } from 'node:http'
import { connect } from 'node:net'
import type { Container, Probe } from '../kinds.ts'

const defaults = { periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3, successThreshold: 1 }
/** Until the first success: a process is usually ready long before the first period is over. */
const eagerPeriodMs = 200

export interface ProbeTarget {
  /** The application's own address: probes pass no proxy, as a kubelet's do in a mesh. */
  readonly host: string
  readonly container: Container
  readonly socket: (host: string, port: number) => { readonly host: string; readonly port: number }
}

export interface ProbeOptions extends ProbeTarget {
  readonly probe: Probe
  /** Called when the verdict changes, first when it is known. */
  readonly onVerdict: (healthy: boolean, detail: string) => void
}

/** Asks again and again until stopped; a verdict needs as many equal answers as the thresholds say. */
export class Prober {
  readonly #options: ProbeOptions
  readonly #periodMs: number
  #timer: NodeJS.Timeout | undefined
  #verdict: boolean | undefined
  #successes = 0
  #failures = 0
  #countedAtMs = 0
  #stopped = false

  constructor(options: ProbeOptions) {
    this.#options = options
    const { probe } = options
    this.#periodMs = (probe.periodSeconds ?? defaults.periodSeconds) * 1000
    this.#countedAtMs = performance.now()
    this.#schedule((probe.initialDelaySeconds ?? 0) * 1000)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#ask(), delayMs)
  }

  async #ask(): Promise<void> {
    const { probe } = this.#options
    const failure = await probeOnce(probe, this.#options)
    if (this.#stopped) return
    if (failure === undefined) {
      this.#failures = 0
      this.#successes += 1
      const enough = probe.successThreshold ?? defaults.successThreshold
      if (this.#successes >= enough) this.#conclude(true, '')
    } else if (this.#verdict !== undefined || this.#isPeriodOver()) {
      // Eager tries in between are not held against the container.
      this.#countedAtMs = performance.now()
      this.#successes = 0
      this.#failures += 1
      const enough = probe.failureThreshold ?? defaults.failureThreshold
      if (this.#failures >= enough) this.#conclude(false, failure)
    }
    if (this.#stopped) return
    const eager = this.#verdict !== true
    this.#schedule(eager ? Math.min(this.#periodMs, eagerPeriodMs) : this.#periodMs)
  }

  #isPeriodOver(): boolean {
    return performance.now() - this.#countedAtMs >= this.#periodMs
  }

  #conclude(healthy: boolean, detail: string): void {
    if (this.#verdict === healthy) return
    this.#verdict = healthy
    this.#options.onVerdict(healthy, detail)
  }
}

/** The reason for a failure, or undefined. */
async function probeOnce(probe: Probe, target: ProbeTarget): Promise<string | undefined> {
  const timeoutMs = (probe.timeoutSeconds ?? defaults.timeoutSeconds) * 1000
  const port = portOf(probe.httpGet?.port ?? probe.tcpSocket?.port, target.container)
  if (port === undefined) return 'the probe names a port the container does not have'
  const { host, port: number } = target.socket(target.host, port)
  return probe.httpGet
    ? httpProbe(host, number, probe.httpGet, timeoutMs)
    : tcpProbe(host, number, timeoutMs)
}

function portOf(port: number | string | undefined, container: Container): number | undefined {
  if (typeof port !== 'string') return port
  return container.ports?.find(({ name }) => name === port)?.containerPort
}

function httpProbe(
  host: string,
  port: number,
  { path = '/', httpHeaders = [] }: NonNullable<Probe['httpGet']>,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const outgoing = request({
      host,
      port,
      path,
      agent: false,
      headers: {
        'user-agent': 'kube-probe/1.34',
        connection: 'close',
        ...Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value])),
      },
      signal: AbortSignal.timeout(timeoutMs),
    })
    outgoing.on('error', (error) => resolve(error.message))
    outgoing.on('response', (response) => {
      response.on('error', () => undefined)
      response.resume()
      const status = response.statusCode ?? 0
      // Success as a kubelet sees it: any status from 200 to 399.
      resolve(status >= 200 && status < 400 ? undefined : `HTTP status ${status}`)
    })
    outgoing.end()
  })
}

function tcpProbe(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const finish = (failure: string | undefined): void => {
      socket.destroy()
      resolve(failure)
    }
    socket.setTimeout(timeoutMs, () => finish('timed out'))
    socket.on('connect', () => finish(undefined))
    socket.on('error', (error) => finish(error.message))
  })
}
