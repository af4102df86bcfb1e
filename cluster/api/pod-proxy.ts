import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream/promises'
import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject, members } from './json.ts'
import type { Dialled, PodBackend } from './pod-backend.ts'

/** Meant for one connection only (https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1), or for us. */
const NOT_FORWARDED = [
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

interface ProxyRequest {
  readonly pod: Readonly<KubeObject>
  /** As in the URL, `scheme:name:port`: what comes with the name. */
  readonly port: number
  /** Path and query for the pod. */
  readonly target: string
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly backend: PodBackend
}

/** `name`, `name:8080`, `http:name:8080`. */
export function parseProxyName(text: string): { readonly name: string; readonly port?: number } {
  const parts = text.split(':')
  const [name = '', port = ''] = parts.length === 3 ? parts.slice(1) : parts
  const schemeKnown = parts.length < 3 || parts[0] === '' || parts[0] === 'http'
  if (parts.length > 3 || name === '' || !schemeKnown || !/^\d*$/.test(port)) {
    throw statusError('BadRequest', `invalid pod request "${text}"`)
  }
  return { name, ...(port !== '' && { port: Number(port) }) }
}

/** The first port a pod declares, for a request that names none. */
export function defaultPort(pod: Readonly<KubeObject>): number {
  const spec = isObject(pod.spec) ? pod.spec : {}
  for (const container of members(spec.containers)) {
    for (const { containerPort } of members(container.ports)) {
      if (typeof containerPort === 'number') return containerPort
    }
  }
  return 80
}

/** HTTP to a pod through the API server. Both bodies stream; a side that breaks off ends the other. */
export async function proxyToPod(proxied: ProxyRequest): Promise<void> {
  const { pod, port, message, response, backend } = proxied
  const { name, namespace = '' } = pod.metadata
  const address = await backend.dial({ namespace, name }, port)
  if (address === undefined) throw unreachable(`pod ${name} does not run`)
  const upstream = send(proxied, address)
  response.once('close', () => upstream.destroy())
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once('response', resolve)
    upstream.once('error', reject)
  })
  // Failing to send the body is not the end: the pod may have answered without reading it.
  pipeline(message, upstream).catch(() => undefined)
  const answer = await answered.catch((error: Error) => {
    throw unreachable(error.message)
  })
  response.writeHead(answer.statusCode ?? 502, forwarded(answer.headers))
  response.flushHeaders()
  await pipeline(answer, response).catch(() => response.destroy())
}

function send({ target, message }: ProxyRequest, { host, port }: Dialled) {
  return request({
    host,
    port,
    path: target,
    method: message.method,
    headers: { ...forwarded(message.headers), host: `${host}:${port}` },
    agent: false,
  })
}

function forwarded(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !NOT_FORWARDED.includes(name) && !named.includes(name),
    ),
  )
}

function unreachable(why: string): Error {
  return statusError('ServiceUnavailable', `error trying to reach service: ${why}`)
}
