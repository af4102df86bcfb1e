import { once, setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Authority } from '../ca/authority.ts'
import { loadApiModels } from '../client/api-models.ts'
import { ClusterError, statusError } from '../errors.ts'
import { accessReview } from './access-review.ts'
import { AGGREGATED_TYPE, wantsAggregated } from './aggregated-discovery.ts'
import { sendBytes, sendError, sendJson } from './answers.ts'
import { createToken, tokenCheck } from './authenticate.ts'
import { aggregatedAnswer, discoveryAnswer } from './discovery.ts'
import type { MemoryStore } from './memory-store.ts'
import { metricsAnswer, type UsageReader } from './metrics.ts'
import { openApiAnswer } from './openapi.ts'
import { OPENAPI_V2_PROTOBUF, openApiV2, openApiV2Protobuf } from './openapi-v2.ts'
import type { PodBackend } from './pod-backend.ts'
import { parseObject, readBody } from './request-body.ts'
import { handleResource } from './resource-requests.ts'
import { notAllowed, nothingThere, parseRoute } from './route.ts'
import { schemas as schemasOf } from './schema/schemas.ts'
import { serviceAccountTokens } from './service-account-tokens.ts'

/** Longer than any client library keeps a connection, so that none is closed under a request. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const HEADERS_TIMEOUT_MS = 15_000

export interface ApiServerOptions {
  readonly store: MemoryStore
  readonly ca: Authority
  /** Answers the log and proxy subresources of pods. */
  readonly pods?: PodBackend
  /** What containers use now, for `kubectl top`. @default nobody knows */
  readonly usage?: UsageReader
  /** @default 32 random bytes */
  readonly token?: string
  /** @default 0, any free one */
  readonly port?: number
  /** A failure that is the server's own fault. @default process.emitWarning */
  readonly onError?: (error: unknown) => void
  /** Somebody was cut off, in a sentence without an end. */
  readonly onUnread?: (what: string) => void
  readonly signal?: AbortSignal
}

export interface ApiServer {
  readonly url: string
  readonly port: number
  readonly token: string
  readonly caPem: string
  /** Ends watches and cuts what is left; safe to call twice. */
  close(): Promise<void>
}

/** HTTPS on loopback only; whoever knows the token may do everything. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, ca } = options
  const token = options.token ?? createToken()
  const tokens = serviceAccountTokens()
  const isAuthentic = tokenCheck(token, tokens)
  const onError = options.onError ?? warn
  const onUnread = options.onUnread ?? (() => undefined)
  const schemas = schemasOf(await loadApiModels())
  const closing = new AbortController()
  // One per open watch.
  setMaxListeners(0, closing.signal)
  const certificate = await ca.issueServing({
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default.svc'],
    ipAddresses: ['127.0.0.1'],
  })

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, query } = splitUrl(message)
    if (/^\/(healthz|readyz|livez)(\/ping)?$/.test(pathname)) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok')
      return
    }
    if (!isAuthentic(message)) throw statusError('Unauthorized', 'Unauthorized')
    const review = accessReview(pathname)
    if (review !== undefined) {
      if (message.method !== 'POST') throw notAllowed()
      sendJson(response, 201, review(await parseObject(await readBody(message))))
      return
    }
    const route = parseRoute(pathname, store.kinds)
    if (route !== undefined) {
      const { signal } = closing
      const { pods } = options
      const answer = { route, query, message, response, signal, onUnread }
      await handleResource({ store, schemas, tokens, pods, ...answer })
      return
    }
    if (wantsAggregated(message.headers.accept)) {
      const all = aggregatedAnswer(pathname, store.kinds)
      if (all !== undefined) {
        sendJson(response, 200, all, AGGREGATED_TYPE)
        return
      }
    }
    if (pathname === '/openapi/v2' && message.method === 'GET') {
      const isProtobuf = message.headers.accept?.includes('protobuf') === true
      if (isProtobuf) sendBytes(response, 200, openApiV2Protobuf(), OPENAPI_V2_PROTOBUF)
      else sendJson(response, 200, openApiV2(store.kinds, schemas))
      return
    }
    const metrics = metricsAnswer(pathname, query, { store, usage: options.usage })
    const answer =
      metrics ??
      discoveryAnswer(pathname, store.kinds) ??
      openApiAnswer(pathname, store.kinds, schemas)
    if (answer === undefined) throw nothingThere()
    if (message.method !== 'GET') throw notAllowed()
    sendJson(response, 200, answer)
  }

  const server = createServer(
    { key: certificate.privateKeyPem, cert: certificate.certChainPem },
    (message, response) => {
      handle(message, response).catch((error: unknown) => {
        if (message.destroyed && !message.complete) return
        if (!(error instanceof ClusterError)) onError(error)
        sendError(response, error)
      })
    },
  )
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => {
      server.close(() => resolve())
      closing.abort()
      server.closeIdleConnections()
      // A turn later, so that watches end with their last event rather than with a reset.
      setImmediate(() => server.closeAllConnections())
    })
    return closed
  }
  if (options.signal?.aborted) await close()
  options.signal?.addEventListener('abort', () => void close(), { once: true })
  return { url: `https://127.0.0.1:${port}`, port, token, caPem: ca.rootPem, close }
}

/** Not `new URL`, which would resolve the dots in paths that are meant for a pod. */
function splitUrl({ url = '/' }: IncomingMessage): { pathname: string; query: URLSearchParams } {
  const mark = url.indexOf('?')
  if (mark < 0) return { pathname: url, query: new URLSearchParams() }
  return { pathname: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
