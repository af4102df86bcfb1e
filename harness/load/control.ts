import { setMaxListeners } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { findService } from '../../workloads/discovery.ts'
import { firstSignal } from '../first-signal.ts'
import { LoadError } from './errors.ts'
import { parsePlan } from './plan.ts'
import type { LoadEvent, LoadPlan } from './protocol.ts'
import { runPlan } from './run-plan.ts'

export interface ControlServer {
  readonly server: Server
  /** Ends a load under way and refuses further ones. */
  stop(): void
}

/** What a plan under way listens to. */
interface Lane {
  readonly startWindow: AbortController
  readonly end: AbortController
}

/** A plan with many headers is a few kilobytes. */
const longestPlanBytes = 1 << 20

/** `POST /load`, `GET /ready`, as protocol.ts says. */
export function createControlServer(env: NodeJS.ProcessEnv): ControlServer {
  const stopping = new AbortController()
  // Every lane listens to it.
  setMaxListeners(0, stopping.signal)
  const lanes = new Map<string, Lane>()

  const load = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const plan = parsePlan(await readBody(request))
    const { lane = '' } = plan
    if (lanes.has(lane) || stopping.signal.aborted) {
      throw new LoadError(
        'plan-running',
        'this load generator is busy with another plan',
        'wait for its result, or close its request to stop it',
      )
    }
    const own = { startWindow: new AbortController(), end: new AbortController() }
    lanes.set(lane, own)
    const stop = plan.trace === true ? new AbortController().signal : stopping.signal
    const endWithPod = (): void => own.end.abort()
    if (plan.trace === true) stopping.signal.addEventListener('abort', endWithPod)
    try {
      await stream(plan, env, response, own, stop)
    } finally {
      lanes.delete(lane)
      stopping.signal.removeEventListener('abort', endWithPod)
    }
  }

  const tell = (what: keyof Lane, url: string | undefined, response: ServerResponse): void => {
    const lane = new URLSearchParams(url?.split('?', 2)[1]).get('lane') ?? ''
    const own = lanes.get(lane)
    own?.[what].abort()
    answer(response, own === undefined ? 409 : 200, {})
  }

  const server = createServer({ noDelay: true }, (request, response) => {
    const path = request.url?.split('?', 1)[0]
    if (path === '/ready' || path === '/healthz') {
      request.resume()
      answer(response, stopping.signal.aborted ? 503 : 200, {})
    } else if (path === '/window') {
      request.resume()
      tell('startWindow', request.url, response)
    } else if (path === '/end') {
      request.resume()
      tell('end', request.url, response)
    } else if (path !== '/load') {
      request.resume()
      answer(response, 404, { code: 'not-found', message: 'POST /load or GET /ready' })
    } else if (request.method !== 'POST') {
      request.resume()
      answer(response, 405, { code: 'method', message: 'a plan comes by POST' })
    } else {
      load(request, response).catch((error: unknown) => refuse(response, error))
    }
  })
  return { server, stop: () => stopping.abort() }
}

async function stream(
  plan: LoadPlan,
  env: NodeJS.ProcessEnv,
  response: ServerResponse,
  { startWindow, end }: Lane,
  stop: AbortSignal,
): Promise<void> {
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  const { signal, release } = firstSignal([stop, closed.signal])
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  response.flushHeaders()
  const send = (event: LoadEvent): void => {
    if (!response.destroyed) response.write(`${JSON.stringify(event)}\n`)
  }
  try {
    const result = await runPlan(plan, {
      targets: (plan.spread ?? [{ service: plan.service, weight: 1 }]).map(
        ({ service, weight }) => ({ endpoint: findService(service, env), weight }),
      ),
      onEvent: send,
      startWindow: startWindow.signal,
      end: end.signal,
      signal,
    })
    send({ event: 'result', result })
  } catch (error) {
    const { code = 'internal', message } = error as Error & { code?: string }
    send({ event: 'error', code, message })
  } finally {
    release()
  }
  response.end()
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > longestPlanBytes) {
      throw new LoadError('plan-invalid', 'the load plan is longer than 1 MiB', 'see LoadPlan')
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return
  const { code, hint } = error as Partial<LoadError>
  const status = code === 'plan-invalid' ? 400 : code === 'plan-running' ? 409 : 500
  answer(response, status, { code, message: (error as Error).message, hint })
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
