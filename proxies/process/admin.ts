import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIPv4 } from 'node:net'
import type { AdminAddresses, SocketAddress } from '../config/process.ts'
import { ProxyError } from '../errors.ts'
import { LOG_LEVELS, logSettings, setAccessLog, setLogLevel } from '../telemetry/log.ts'
import type { MetricsFormat } from '../telemetry/registry.ts'
import { answerMetrics } from './metrics-endpoint.ts'

export interface AdminSource {
  /** What is still missing; empty = ready. */
  pending(): readonly string[]
  metrics(format: MetricsFormat): string
  /** JSON-serialisable and without private keys. */
  dump(): unknown
  quit(): void
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void
type Routes = Readonly<Record<string, Handler>>

/** Ports of Istio's proxies: admin on 15000, metrics on 15020, readiness on 15021. */
export async function startAdmin(
  addresses: AdminAddresses,
  source: AdminSource,
): Promise<() => void> {
  const metrics = answerMetrics((format) => source.metrics(format))
  const ready: Handler = (_request, response) => {
    const pending = source.pending()
    if (pending.length === 0) answer(response, 200, 'ready\n')
    else answer(response, 500, `not ready, pending: ${pending.join(', ')}\n`)
  }
  const plan: readonly (readonly [SocketAddress, Routes])[] = [
    [addresses.readiness, { '/healthz/ready': ready }],
    [addresses.stats, { '/metrics': metrics, '/stats/prometheus': metrics }],
    [
      addresses.admin,
      {
        '/config_dump': (_request, response) =>
          answer(response, 200, JSON.stringify(source.dump(), null, 2), 'application/json'),
        '/logging': setLogging,
        '/quitquitquit': post((_request, response) => {
          answer(response, 200, 'shutting down\n')
          source.quit()
        }),
      },
    ],
  ]
  const servers: Server[] = []
  try {
    for (const [address, routes] of plan) servers.push(await listen(address, routes))
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
  return () => {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
  }
}

function listen(address: SocketAddress, routes: Routes): Promise<Server> {
  const where = `${address.host}:${address.port}`
  if (!(isIPv4(address.host) && address.host.startsWith('127.')) && address.host !== '::1') {
    throw new ProxyError('CONFIG_INVALID', `admin address ${where} is not a loopback address`)
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const handler = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (handler) handler(request, response)
    else answer(response, 404, `paths: ${Object.keys(routes).join(' ')}\n`)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new ProxyError('ADDRESS_IN_USE', `cannot listen on ${where}`, { cause })),
    )
    server.listen({ ...address, exclusive: true }, () => resolve(server))
  })
}

const setLogging: Handler = post((request, response) => {
  const query = new URLSearchParams((request.url ?? '').split('?')[1])
  const level = LOG_LEVELS.find((known) => known === query.get('level'))
  if (level) setLogLevel(level)
  const access = query.get('access')
  if (access !== null) setAccessLog(access === 'on')
  const known = level !== undefined || access !== null
  answer(response, known ? 200 : 400, `${JSON.stringify(logSettings())}\n`)
})

function post(handler: Handler): Handler {
  return (request, response) => {
    if (request.method === 'POST') handler(request, response)
    else answer(response, 405, 'use POST\n')
  }
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
