import type { CapturedListener, ProxyCommand, ProxyConfig, ProxyReport } from '../config/process.ts'
import { errorMessage, ProxyError } from '../errors.ts'
import { countBuild } from '../telemetry/build.ts'
import { log, setAccessLog, setLogLevel } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/registry.ts'
import { startAdmin } from './admin.ts'
import { drainDeadlineMs } from './drain.ts'
import { type Accept, type Bind, Listeners, maxConnections } from './listeners.ts'
import type { UnderWay } from './under-way.ts'

/** What a sidecar, ztunnel or waypoint adds to the process they all are. */
export interface ProxyProgram {
  readonly registry: Registry
  /** Connections to other pods that it is making. */
  readonly underWay: UnderWay
  /** A whole snapshot; never called concurrently. */
  configure(config: ProxyConfig): void | Promise<void>
  /** How to serve a captured socket. Called after the first `configure`. */
  serve(listener: CapturedListener): Accept
  /** Extra `/config_dump` content, without private keys. */
  dump?(open: readonly CapturedListener[]): Readonly<Record<string, unknown>>
  /** Connections of its own, after the last listener has drained. */
  close?(): void
}

/**
 * Life of a proxy process: `started`, then commands in the order they come, until SIGTERM drains it or
 * the parent goes away. With `--config FILE` the file stands in for the parent. The entry file
 * passes its `process`, the only thing here that may exit.
 */
export function runProxy(host: NodeJS.Process, program: ProxyProgram): void {
  start(host, program).catch((error: unknown) => {
    const hint = error instanceof ProxyError ? error.hint : undefined
    log('error', 'process', `cannot start: ${errorMessage(error)}`, { hint })
    host.exit(error instanceof ProxyError ? error.exitCode : 70)
  })
}

async function start(host: NodeJS.Process, program: ProxyProgram): Promise<void> {
  if (host.env.PROCESS_TITLE) host.title = host.env.PROCESS_TITLE
  if (host.env.ACCESS_LOG === 'true') setAccessLog(true)
  if (host.env.LOG_LEVEL === 'debug') setLogLevel('debug')
  const listeners = new Listeners(maxConnections(host.env))
  let config: ProxyConfig | undefined
  let stopAdmin: (() => void) | undefined

  const quit = once(async () => {
    await listeners.drain(drainDeadlineMs(host.env))
    program.close?.()
    stopAdmin?.()
    host.exit(0)
  })
  host.on('SIGTERM', quit)
  host.on('SIGINT', host.send ? () => {} : quit)

  const configure = async (next: ProxyConfig): Promise<void> => {
    if (config && next.version < config.version) return
    await program.configure(next)
    if (!config) countBuild(program.registry, next.kind)
    config = next
    stopAdmin ??= await startAdmin(next.admin, {
      pending: () => (config ? [] : ['configuration']),
      metrics: (format) => program.registry.render(format),
      dump: () => ({
        ...publicConfig(config),
        listeners: listeners.ids(),
        ...program.dump?.(listeners.all()),
      }),
      quit,
    })
  }
  const open = (id: string, listener: CapturedListener, bind: Bind): Promise<void> =>
    listeners.open(id, listener, bind, program.serve(listener))

  const path = configArgument(host.argv)
  if (path !== undefined) {
    const { loadStandalone } = await import('../config/standalone.ts')
    const standalone = await loadStandalone(path)
    await configure(standalone.config)
    for (const { listener, address } of standalone.listeners) {
      await open(listener.id, listener, { address })
    }
    log('info', 'process', 'ready', { config: path })
    return
  }

  const report = (message: ProxyReport): void => {
    if (host.connected) host.send?.(message)
  }
  const obey = async (command: ProxyCommand, handle: unknown): Promise<void> => {
    switch (command.type) {
      case 'config':
        await configure(command.config)
        report({ type: 'applied', version: command.config.version })
        void program.underWay.settled().then(() => {
          report({ type: 'settled', version: command.config.version })
        })
        return
      case 'listen':
        await open(command.id, command.listener, { handle })
        report({ type: 'listening', id: command.id })
        return
      case 'unlisten':
        listeners.close(command.id, command.drainMs)
        report({ type: 'unlistened', id: command.id })
    }
  }
  let queue = Promise.resolve()
  host.on('message', (message, handle) => {
    // The parent is our own node agent: the channel is private to the two processes.
    const command = message as ProxyCommand
    queue = queue
      .then(() => obey(command, handle))
      .catch((error: unknown) => {
        log('error', 'process', `${command.type} failed: ${errorMessage(error)}`)
        const id = 'id' in command ? { id: command.id } : {}
        report({ type: 'failed', ...id, message: errorMessage(error) })
      })
  })
  host.on('disconnect', () => host.exit(0))
  if (!host.send) throw new Error('needs a parent with an IPC channel, or --config FILE')
  report({ type: 'started' })
}

function configArgument(argv: readonly string[]): string | undefined {
  const index = argv.indexOf('--config')
  return index < 0 ? undefined : argv[index + 1]
}

/** The snapshot as it may be shown: certificates lose their keys. */
function publicConfig(config: ProxyConfig | undefined): Readonly<Record<string, unknown>> {
  if (!config) return {}
  const { state, certificates, ...rest } = config
  return {
    ...rest,
    workloads: state.workloads,
    services: state.services,
    policies: state.policies,
    certificates: certificates.map(({ identity, certChainPem, rootsPem, ...times }) => ({
      identity,
      certChain: certChainPem,
      rootCerts: rootsPem,
      notBefore: new Date(times.notBeforeMs).toISOString(),
      notAfter: new Date(times.notAfterMs).toISOString(),
    })),
  }
}

function once(action: () => Promise<void>): () => void {
  let started = false
  return () => {
    if (started) return
    started = true
    void action()
  }
}
