import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo, type Server } from 'node:net'
import { resolve } from 'node:path'
import type {
  AdminAddresses,
  CapturedListener,
  ProxyCommand,
  ProxyConfig,
  ProxyKind,
  ProxyReport,
  SocketAddress,
} from '../../proxies/config/process.ts'

/** A proxy run by a test the way a node agent runs it. */
export interface ProxyProcess {
  readonly child: ChildProcess
  readonly admin: AdminAddresses
  /** What it wrote to stderr so far. */
  readonly log: () => string
  configure(config: Omit<ProxyConfig, 'kind' | 'version' | 'admin'>): Promise<void>
  /** Binds the address and hands the socket over. */
  listen(listener: CapturedListener, address: SocketAddress): Promise<void>
  unlisten(id: string, drainMs: number): Promise<void>
  stop(): Promise<void>
}

const root = resolve(import.meta.dirname, '../..')

/** Undocumented but stable, and what a node agent uses: bound, not listening. */
const { _createServerHandle: createServerHandle } = net as unknown as {
  _createServerHandle: (host: string, port: number, family: 4) => number | Handle
}
type Handle = Server & { close(): void }

export async function startProxy(
  kind: ProxyKind,
  env: Readonly<Record<string, string>> = {},
  execArgv: readonly string[] = [],
): Promise<ProxyProcess> {
  const child = fork(resolve(root, `proxies/${kind}/main.js`), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, PROCESS_TITLE: `${kind}-under-test`, ...env },
    execArgv: [...execArgv],
  })
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const reports: ProxyReport[] = []
  const wake = new Set<() => void>()
  child.on('message', (message) => {
    reports.push(message as ProxyReport)
    for (const check of [...wake]) check()
  })
  const report = (matches: (report: ProxyReport) => boolean): Promise<void> =>
    new Promise((done, failed) => {
      const check = (): void => {
        const found = reports.find(matches)
        const failure = reports.find(({ type }) => type === 'failed')
        if (!found && !failure) return
        wake.delete(check)
        if (found) done()
        else failed(new Error(JSON.stringify(failure)))
      }
      wake.add(check)
      check()
    })
  const send = (command: ProxyCommand, handle?: Handle): void => {
    child.send(command, handle, { keepOpen: true })
  }
  await report(({ type }) => type === 'started')
  const [adminPort, statsPort, readinessPort] = await freePorts(3)
  const admin = {
    admin: { host: '127.0.0.1', port: adminPort as number },
    stats: { host: '127.0.0.1', port: statsPort as number },
    readiness: { host: '127.0.0.1', port: readinessPort as number },
  }
  let version = 0
  return {
    child,
    admin,
    log: () => text,
    configure: async (config) => {
      version += 1
      const current = version
      send({ type: 'config', config: { ...config, kind, version, admin } })
      await report((message) => message.type === 'applied' && message.version === current)
    },
    listen: async (listener, { host, port }) => {
      const handle = createServerHandle(host, port, 4)
      if (typeof handle === 'number') throw new Error(`cannot bind ${host}:${port}: ${handle}`)
      send({ type: 'listen', id: listener.id, listener }, handle)
      await report((message) => message.type === 'listening' && message.id === listener.id)
      handle.close()
    },
    unlisten: async (id, drainMs) => {
      send({ type: 'unlisten', id, drainMs })
      await report((message) => message.type === 'unlistened' && message.id === id)
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Ports nobody holds now; good enough on loopback between two lines of a test. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
