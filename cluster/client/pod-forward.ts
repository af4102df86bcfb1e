import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Duplex, PassThrough } from 'node:stream'
import type { KubeConfig } from '@kubernetes/client-node'
import { ClusterError } from '../errors.ts'
import { connectionError } from './answer-errors.ts'
import { readText } from './transport.ts'
import type { PodRequest } from './types.ts'

const CONNECT_TIMEOUT_MS = 30_000

/**
 * HTTP over a port-forward, which ends inside the pod's network namespace: the admin ports of Envoy and
 * ztunnel listen on loopback, where the API server's proxy cannot reach them.
 */
export async function podForward(config: KubeConfig, request: PodRequest): Promise<Response> {
  const { namespace, pod, port, path, method = 'GET', body, signal } = request
  signal?.throwIfAborted()
  const { PortForward } = await import('@kubernetes/client-node')
  const toPod = new PassThrough()
  const fromPod = new PassThrough()
  const complaints = new PassThrough()
  const complained: string[] = []
  complaints.on('data', (chunk: Buffer) => complained.push(chunk.toString('utf8')))

  const socket = await new PortForward(config)
    .portForward(namespace, pod, [port], fromPod, complaints, toPod)
    .catch((error: unknown) => {
      throw refusal(config, request, error)
    })
  if (typeof socket === 'function') throw new Error('asked for a connection that is not retried')
  socket.addEventListener('close', () => fromPod.end())
  const duplex = Duplex.from({ readable: fromPod, writable: toPod })
  // Whoever reads the answer learns of a broken connection from the answer.
  duplex.on('error', () => undefined)

  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = httpRequest({
        createConnection: () => duplex,
        host: 'localhost',
        port,
        path,
        method,
        timeout: CONNECT_TIMEOUT_MS,
        headers: {
          connection: 'close',
          ...(body && { 'content-length': Buffer.byteLength(body) }),
        },
        ...(signal && { signal }),
      })
      asked.once('response', resolve)
      asked.once('timeout', () => asked.destroy(new Error('the pod did not answer in time')))
      asked.once('error', (error) => reject(signal?.aborted ? signal.reason : error))
      asked.end(body)
    })
    const text = await readText(answer)
    return new Response(text.length > 0 ? text : null, { status: answer.statusCode ?? 502 })
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    const why = complained.join('').trim() || (error instanceof Error ? error.message : '')
    throw new ClusterError(`Port ${port} of pod ${namespace}/${pod} did not answer: ${why}`, {
      code: 'CLUSTER_POD_FORWARD',
      hint: `Look at the pod: kubectl -n ${namespace} get pod ${pod}`,
      cause: error,
    })
  } finally {
    duplex.destroy()
    socket.close()
  }
}

/** A WebSocket that is not opened tells no more than the status of the answer, in words. */
function refusal(config: KubeConfig, { namespace, pod }: PodRequest, cause: unknown): ClusterError {
  const message = isMessage(cause) ? cause.message : String(cause)
  const status = Number(/server response: (\d{3})/.exec(message)?.[1])
  if (!status) return connectionError(config.getCurrentCluster()?.server ?? '', new Error(message))
  return new ClusterError(`No port-forward to pod ${namespace}/${pod}: HTTP ${status}`, {
    status,
    code: 'CLUSTER_POD_FORWARD',
    ...(status === 403 && { reason: 'Forbidden' }),
    hint:
      status === 403
        ? `Ask for the verb create on pods/portforward in ${namespace}.`
        : 'See whether kubectl port-forward works for this pod; proxies on the way must let WebSockets pass.',
    cause,
  })
}

/** An ErrorEvent of the WebSocket, not an Error. */
function isMessage(value: unknown): value is { readonly message: string } {
  return typeof value === 'object' && value !== null && 'message' in value
}
