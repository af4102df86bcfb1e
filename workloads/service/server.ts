import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import type { Script } from '../script.ts'
import type { ServiceConfig } from './config.ts'
import { DownstreamError } from './downstream.ts'
import { healthAnswer } from './health.ts'
import { createReach } from './reach.ts'
import { runScript } from './run-script.ts'
import { propagatedHeaders } from './tracing.ts'

export interface ServiceServer {
  readonly server: Server
  /** From now on clients are told to go (`connection: close`, GOAWAY) and the health check fails. */
  startDraining(): void
}

/**
 * Node closes idle connections after 5 s by default, under the feet of proxies and load generators
 * that pool them. An hour is what Envoy grants its upstream connections.
 */
const keepAliveTimeoutMs = 3_600_000

/** Node writes head and body as one string in one system call, which pays up to about this size. */
const oneWriteBytes = 16_384

export function createServiceServer(config: ServiceConfig, env: NodeJS.ProcessEnv): ServiceServer {
  const reach = createReach(config, env)
  const body = answerBody(config.responseBytes)
  const calls = makesCalls(config.script)
  let draining = false

  const answer = (response: ServerResponse, status: number, payload: string | Buffer): void => {
    const headers: Record<string, string | number> = {
      'content-type': 'text/plain',
      'content-length': payload.length,
    }
    if (draining) headers.connection = 'close'
    response.writeHead(status, headers)
    response.end(payload, 'latin1')
  }

  const answerAfterScript = (request: IncomingMessage, response: ServerResponse): void => {
    if (config.script.length === 0) {
      finish(response)
      return
    }
    const propagated = calls ? propagatedHeaders(request.headers) : {}
    runScript(config.script, reach, propagated).then(
      () => finish(response),
      (error: unknown) => {
        const status = error instanceof DownstreamError ? error.status : 500
        answer(response, status, `${config.name}: ${(error as Error).message}\n`)
      },
    )
  }

  const finish = (response: ServerResponse): void => {
    if (config.errorRate > 0 && Math.random() < config.errorRate) {
      answer(response, 500, `${config.name}: error on purpose (ERROR_RATE)\n`)
    } else {
      answer(response, 200, body)
    }
  }

  const server = createServer(
    { keepAliveTimeout: keepAliveTimeoutMs, noDelay: true },
    (request, response) => {
      if (request.url === '/healthz') {
        request.resume()
        const { status, text } = healthAnswer(draining)
        answer(response, status, text)
      } else if (hasBody(request)) {
        request.once('end', () => answerAfterScript(request, response)).resume()
      } else {
        answerAfterScript(request, response)
      }
    },
  )
  const startDraining = (): void => {
    draining = true
  }
  return { server, startDraining }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function answerBody(bytes: number): string | Buffer {
  return bytes <= oneWriteBytes ? 'x'.repeat(bytes) : Buffer.alloc(bytes, 'x')
}

function makesCalls(script: Script): boolean {
  return script.flat().some((command) => 'call' in command)
}
