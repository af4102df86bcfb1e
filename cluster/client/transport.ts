import http, { type IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { answerError, connectionError } from './answer-errors.ts'

/** How long a server may say nothing before a request counts as failed. */
const SILENCE_TIMEOUT_MS = 30_000

export interface TransportOptions {
  /** Reads the kubeconfig anew, for credentials that have expired meanwhile. */
  readonly reload?: () => Promise<KubeConfig>
  /** @default 30 s */
  readonly silenceTimeoutMs?: number
}

export interface ApiCall {
  readonly method: string
  /** With query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** For streams that may rightly be silent. @default 30 s */
  readonly silenceTimeoutMs?: number
  readonly signal?: AbortSignal
}

export interface Transport {
  readonly server: string
  /** Resolves with the head of any answer, whatever its status. */
  open(call: ApiCall): Promise<IncomingMessage>
  /** The whole answer; throws ClusterError unless it is a success. */
  text(call: ApiCall): Promise<string>
}

/**
 * Requests with the credentials of a kubeconfig, over connections that are kept. The library's own
 * clients open a TLS connection for every request and turn objects into classes, which lose the
 * fields they do not know; from here objects stay the JSON that travelled.
 */
export function createTransport(
  initial: KubeConfig,
  { reload, silenceTimeoutMs = SILENCE_TIMEOUT_MS }: TransportOptions = {},
): Transport {
  let config = initial
  const { server = '', proxyUrl } = config.getCurrentCluster() ?? {}
  const base = new URL(server)
  const secure = base.protocol === 'https:'
  const agent = new (secure ? https : http).Agent({ keepAlive: true })
  const prefix = base.pathname.replace(/\/$/, '')

  async function open(call: ApiCall): Promise<IncomingMessage> {
    const used = config
    const answer = await send(call, used)
    if (answer.statusCode !== 401 || reload === undefined) return answer
    // Refused means not carried out, so that it may be sent again with what the kubeconfig says now:
    // a new token, or one that its plugin is asked for anew.
    if (config === used) {
      const renewed = await reload().catch(() => undefined)
      if (renewed?.getCurrentCluster()?.server !== server) return answer
      config = renewed
    }
    answer.resume()
    return send(call, config)
  }

  async function send(call: ApiCall, config: KubeConfig): Promise<IncomingMessage> {
    call.signal?.throwIfAborted()
    const options: RequestOptions = {}
    // Each time anew, because tokens from files and credential plugins expire.
    await config.applyToHTTPSOptions(options)
    const request = (secure ? https : http).request({
      ...options,
      // The library's agent knows the way through a proxy, but keeps no connections.
      agent: proxyUrl ? options.agent : agent,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || (secure ? 443 : 80),
      method: call.method,
      path: prefix + call.path,
      timeout: call.silenceTimeoutMs ?? silenceTimeoutMs,
      headers: {
        accept: 'application/json',
        ...options.headers,
        ...call.headers,
        ...(call.body !== undefined && { 'content-length': Buffer.byteLength(call.body) }),
      },
      ...(call.signal && { signal: call.signal }),
    })
    return new Promise((resolve, reject) => {
      request.once('response', resolve)
      request.on('timeout', () => request.destroy(new Error('it did not answer in time')))
      request.once('error', (error) =>
        reject(call.signal?.aborted ? call.signal.reason : connectionError(server, error)),
      )
      request.end(call.body)
    })
  }

  async function text(call: ApiCall): Promise<string> {
    const answer = await open(call)
    const body = await readText(answer).catch((error: unknown) => {
      throw call.signal?.aborted ? call.signal.reason : connectionError(server, error)
    })
    const status = answer.statusCode ?? 0
    if (status >= 200 && status < 300) return body
    throw answerError(status, body, answer.headers['retry-after'])
  }

  return { server, open, text }
}

export async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** Not node:readline, which also breaks lines at U+2028, as JSON strings may contain it. */
export async function* readLines(answer: IncomingMessage, server: string): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      let begin = 0
      const buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10, begin)) {
        if (end > begin) yield buffer.toString('utf8', begin, end)
        begin = end + 1
      }
      rest = buffer.subarray(begin)
    }
  } catch (error) {
    throw connectionError(server, error)
  }
}
