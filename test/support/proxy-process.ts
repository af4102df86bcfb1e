import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type {
  CapturedListener,
  ProxyCommand,
  ProxyConfig,
  ProxyKind,
  ProxyReport,
  SocketAddress,
} from '../../proxies/config/process.ts'

/** A real proxy process with this test as its node agent. */
export interface ProxyProcess {
  readonly child: ChildProcess
  readonly admin: ProxyConfig['admin']
  configure(config: Omit<ProxyConfig, 'admin' | 'kind'>): Promise<void>
  /** Whether what it had begun by older configurations has ended, as far as has been heard. */
  hasSettled(version: number): boolean
  settled(version: number): Promise<void>
  listen(listener: CapturedListener, socket: BoundSocket): Promise<void>
  unlisten(id: string, drainMs: number): Promise<void>
  metrics(): Promise<Metrics>
  stderr(): string
  stdout(): string
  /** Resolves to the first line of its stdout that matches. */
  printed(pattern: RegExp): Promise<string>
  /** Resolves once its stderr has such a line. */
  logged(pattern: RegExp): Promise<void>
  stop(): Promise<void>
}

/** Bound, not listening: what a node agent hands over. */
export interface BoundSocket extends SocketAddress {
  readonly handle: unknown
  /** Without it the kernel goes on accepting connections that nobody serves. */
  close(): void
}

interface Handle {
  getsockname(out: { address?: string; port?: number }): number
  close(): void
}

export function bindSocket(host: string, port = 0): BoundSocket {
  // Undocumented, stable since node 0.x and what cluster itself uses; binds without listening.
  const create = (net as unknown as { _createServerHandle: CreateHandle })._createServerHandle
  const handle = create(host, port, 4)
  if (typeof handle === 'number') throw new Error(`cannot bind ${host}:${port}: ${handle}`)
  const name: { port?: number } = {}
  handle.getsockname(name)
  // libuv puts off EADDRINUSE until listen, where it would be another process that does not see it.
  if (!name.port) throw new Error(`${host}:${port} is taken`)
  return { host, port: name.port, handle, close: () => handle.close() }
}

type CreateHandle = (host: string, port: number, family: 4) => Handle | number

export interface ProxyProcessOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly execArgv?: readonly string[]
}

export async function startProxy(
  kind: ProxyKind,
  { env, execArgv = [] }: ProxyProcessOptions = {},
): Promise<ProxyProcess> {
  const main = join(import.meta.dirname, `../../proxies/${kind}/main.js`)
  const child = fork(main, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...env },
    execArgv: [...execArgv, ...profiling()],
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  let stdout = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const reports: ProxyReport[] = []
  let wake = (): void => {}
  child.on('message', (message) => {
    reports.push(message as ProxyReport)
    wake()
  })
  child.on('exit', () => wake())
  const expect = async (matches: (report: ProxyReport) => boolean): Promise<void> => {
    for (;;) {
      const index = reports.findIndex((report) => matches(report) || report.type === 'failed')
      const [report] = index < 0 ? [] : reports.splice(index, 1)
      if (report?.type === 'failed') throw new Error(`${kind}: ${report.message}`)
      if (report !== undefined) return
      if (hasEnded()) throw new Error(`${kind} exited: ${stderr}`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const send = (command: ProxyCommand, handle?: unknown): void => {
    child.send(command, handle as net.Server, { keepOpen: true })
  }
  const [admin, stats, readiness] = await Promise.all([freeAddress(), freeAddress(), freeAddress()])
  await expect(({ type }) => type === 'started')
  return {
    child,
    admin: { admin, stats, readiness },
    configure: async (config) => {
      send({ type: 'config', config: { ...config, kind, admin: { admin, stats, readiness } } })
      await expect((report) => report.type === 'applied' && report.version === config.version)
    },
    hasSettled: (version) =>
      reports.some((one) => one.type === 'settled' && one.version >= version),
    settled: (version) =>
      expect((report) => report.type === 'settled' && report.version >= version),
    listen: async (listener, socket) => {
      send({ type: 'listen', id: listener.id, listener }, socket.handle)
      await expect((report) => report.type === 'listening' && report.id === listener.id)
    },
    unlisten: async (id, drainMs) => {
      send({ type: 'unlisten', id, drainMs })
      await expect((report) => report.type === 'unlistened' && report.id === id)
    },
    metrics: async () => {
      const response = await fetch(`http://${stats.host}:${stats.port}/metrics`)
      return parseMetrics(await response.text())
    },
    stderr: () => stderr,
    stdout: () => stdout,
    printed: async (pattern) => {
      for (;;) {
        const line = stdout.split('\n').find((one) => pattern.test(one))
        if (line !== undefined) return line
        await once(child.stdout as Readable, 'data')
      }
    },
    logged: async (pattern) => {
      while (!pattern.test(stderr)) await once(child.stderr as Readable, 'data')
    },
    stop: async () => {
      if (hasEnded()) return
      const gone = once(child, 'exit')
      // A profile is written by a process that may still exit by itself.
      if (profiling().length > 0) child.disconnect()
      else child.kill('SIGKILL')
      await gone
    },
  }
}

/** `bench:proxies -- --profile DIR` asks for one CPU profile per proxy. */
function profiling(): readonly string[] {
  const folder = process.env.PROXY_PROFILE_DIR
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : []
}

async function freeAddress(): Promise<SocketAddress> {
  const host = loopbackHost()
  const server = net.createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return { host, port }
}

/** An address of our own where possible: the port is free again until the proxy takes it. */
function loopbackHost(): string {
  if (process.platform !== 'linux') return '127.0.0.1'
  const [a = 0, b = 0, c = 0] = randomBytes(3)
  return `127.${1 + (a % 254)}.${b}.${1 + (c % 254)}`
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export type Metrics = readonly Sample[]

export function parseMetrics(text: string): Metrics {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      return {
        name,
        labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])),
        value: Number(value),
      }
    })
}

/** Sum of all samples of a metric whose labels include these. */
export function total(metrics: Metrics, name: string, labels: Record<string, string> = {}): number {
  return metrics
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))
    .reduce((sum, { value }) => sum + value, 0)
}
