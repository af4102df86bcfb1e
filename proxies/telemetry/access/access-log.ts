import type { AccessLogConfig } from '../../config/process.ts'
import type { AccessEntry } from './entry.ts'
import { type Formatter, jsonFormatter, textFormatter } from './format.ts'

/** Lines leave together: a write per request would cost more than the request. */
const FLUSH_MS = 100
const FLUSH_BYTES = 64 * 1024

export type Direction = 'outbound' | 'inbound'

export interface AccessSink {
  write(text: string): void
}

/** The access log of requests and connections, off unless the mesh or a Telemetry asks for it. */
export class AccessLog {
  /** Asked once per request: all that it costs while it is off. */
  outbound = false
  inbound = false
  readonly #sinks: Readonly<Record<AccessLogConfig['output'], AccessSink>>
  #config: AccessLogConfig | undefined
  #format: Formatter = () => ''
  #pending: string[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(
    sinks: Readonly<Record<AccessLogConfig['output'], AccessSink>> = {
      stdout: process.stdout,
      stderr: process.stderr,
    },
  ) {
    this.#sinks = sinks
  }

  configure(config: AccessLogConfig | undefined): void {
    this.flush()
    this.outbound = config?.outbound ?? false
    this.inbound = config?.inbound ?? false
    this.#config = config
    if (config)
      this.#format =
        config.encoding === 'JSON' ? jsonFormatter(config.format) : textFormatter(config.format)
  }

  write(entry: AccessEntry): void {
    const line = `${this.#format(entry)}\n`
    this.#pending.push(line)
    this.#bytes += line.length
    if (this.#bytes >= FLUSH_BYTES) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref()
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pending.length === 0) return
    this.#sinks[this.#config?.output ?? 'stdout'].write(this.#pending.join(''))
    this.#pending = []
    this.#bytes = 0
  }
}
