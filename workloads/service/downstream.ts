import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { findService } from '../discovery.ts'
import type { Call } from '../script.ts'
import { AgeingAgent } from './ageing-agent.ts'

export type Headers = Readonly<Record<string, string>>

/** Calls one downstream service, resolving when its answer has been read to the end. */
export type Caller = (call: Call, propagated: Headers) => Promise<void>

/** A call that did not end in a good answer; `status` is what our own caller should see. */
export class DownstreamError extends Error {
  override readonly name = 'DownstreamError'
  /** 503 when the service could not be reached, 502 when it answered with an error. */
  readonly status: 502 | 503

  constructor(status: 502 | 503, message: string) {
    super(message)
    this.status = status
  }
}

export interface CallerOptions {
  readonly env: NodeJS.ProcessEnv
  readonly timeoutMs: number
  /** @default for ever */
  readonly connectionLifeMs?: number
}

/** More than any topology here needs at once, fewer than would exhaust descriptors in a pile-up. */
const maxConnectionsPerService = 256

/** An error answer is quoted so far, enough to name the service at the bottom of a chain. */
const quotedBytes = 160

export function createCaller(options: CallerOptions): Caller {
  const { env, timeoutMs, connectionLifeMs = Infinity } = options
  const agent = new AgeingAgent(maxConnectionsPerService, connectionLifeMs)
  const bodies = new Map<number, Buffer>()

  const bodyOf = (bytes: number): Buffer => {
    const body = bodies.get(bytes) ?? Buffer.alloc(bytes, 'x')
    bodies.set(bytes, body)
    return body
  }

  const send = (call: Call, propagated: Headers): ClientRequest => {
    const { host, port, authority } = findService(call.service, env)
    const bytes = call.requestBytes ?? 0
    const headers: Record<string, string | number> = {
      host: authority,
      ...propagated,
      ...call.headers,
    }
    if (bytes > 0) headers['content-length'] = bytes
    const method = bytes > 0 ? 'POST' : 'GET'
    const outgoing = request({ agent, host, port, path: call.path ?? '/', method, headers })
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)),
    )
    outgoing.end(bytes > 0 ? bodyOf(bytes) : undefined)
    return outgoing
  }

  const attempt = (call: Call, propagated: Headers): Promise<void> =>
    new Promise((resolve, reject) => {
      const outgoing = send(call, propagated)
      const unreachable = (error: NodeJS.ErrnoException): void =>
        reject(
          new DownstreamError(503, `${call.service} unreachable: ${error.code ?? error.message}`),
        )
      outgoing.on('response', (response) => {
        readAnswer(response, call.service).then(resolve, reject)
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed the idle connection while we wrote: it saw nothing of the request.
        // https://nodejs.org/api/http.html#requestreusedsocket
        const stale = outgoing.reusedSocket && error.code === 'ECONNRESET'
        // The next kept connection may be as stale; a new one ends this.
        if (stale && isRepeatable(call)) attempt(call, propagated).then(resolve, reject)
        else unreachable(error)
      })
    })

  return attempt
}

function isRepeatable({ requestBytes = 0 }: Call): boolean {
  return requestBytes === 0
}

function readAnswer(response: IncomingMessage, service: string): Promise<void> {
  const status = response.statusCode ?? 0
  const failed = status < 200 || status >= 400
  let quote = ''
  if (failed) {
    response.on('data', (chunk: Buffer) => {
      if (quote.length < quotedBytes) quote += chunk.toString('latin1', 0, quotedBytes)
    })
  } else {
    response.resume()
  }
  return new Promise((resolve, reject) => {
    response.on('error', () => {})
    response.on('close', () => {
      if (!response.complete) reject(new DownstreamError(503, `${service} broke off its answer`))
      else if (!failed) resolve()
      else reject(new DownstreamError(502, `${service} answered ${status}: ${quote.trim()}`))
    })
  })
}
