// Stands between a client and an API server and does to chosen requests what networks, gateways and
// overloaded servers do.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createAuthority } from '../../cluster/ca/authority.ts'
import { writeKubeconfig } from '../../cluster/client/kubeconfig.ts'

export interface SeenRequest {
  readonly method: string
  /** With query. */
  readonly path: string
  readonly body: string
  readonly dryRun: boolean
  /** Creates, changes or deletes something, for good. */
  readonly isWrite: boolean
  /** Counts from 1, of all requests and of all writes. */
  readonly number: number
  readonly writeNumber: number
}

export type Fault =
  | { readonly answer: number; readonly body?: unknown; readonly headers?: Record<string, string> }
  /** Takes the request and says nothing, without or after having it carried out. */
  | { readonly silent: 'before' | 'after' }
  /** Cuts the connection, before the server sees the request or after it has carried it out. */
  | { readonly reset: 'before' | 'after' }
  /** Lets it pass, and calls back at that moment; the answer waits for the callback. */
  | { readonly call: () => unknown; readonly when: 'before' | 'after' }
  /** Lets the answer begin and cuts it this much later. */
  | { readonly cutAfterMs: number }

export interface FaultyApi {
  readonly url: string
  readonly kubeconfigPath: string
  readonly seen: readonly SeenRequest[]
  /** In force from now on for every request; undefined lets all pass. */
  inflict(rule: ((request: SeenRequest) => Fault | undefined) | undefined): void
  stop(): Promise<void>
}

export interface FaultyApiOptions {
  readonly target: { readonly port: number; readonly caPem: string; readonly token: string }
  /** Where the kubeconfig goes. */
  readonly directory: string
}

export async function startFaultyApi(options: FaultyApiOptions): Promise<FaultyApi> {
  const { target, directory } = options
  const ca = await createAuthority({ trustDomain: 'faulty.test' })
  const serving = await ca.issueServing({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] })
  const agent = new Agent({ keepAlive: true })
  const seen: SeenRequest[] = []
  let rule: ((request: SeenRequest) => Fault | undefined) | undefined
  let writes = 0

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of message) body += chunk
    const { method = 'GET', url = '/' } = message
    const dryRun = url.includes('dryRun=All') || (method === 'DELETE' && body.includes('dryRun'))
    const isReview = url.includes('authorization.k8s.io')
    const isWrite = !dryRun && !isReview && ['POST', 'PUT', 'PATCH', 'DELETE'].includes(method)
    if (isWrite) writes += 1
    const number = seen.length + 1
    const one = { method, path: url, body, dryRun, isWrite, number, writeNumber: writes }
    seen.push(one)
    const fault = rule?.(one)
    if (fault !== undefined && 'answer' in fault) {
      response.writeHead(fault.answer, { 'content-type': 'application/json', ...fault.headers })
      response.end(typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? {}))
      return
    }
    if (fault !== undefined && 'silent' in fault && fault.silent === 'before') return
    if (fault !== undefined && 'reset' in fault && fault.reset === 'before') {
      message.socket.destroy()
      return
    }
    if (fault !== undefined && 'call' in fault && fault.when === 'before') await fault.call()
    const upstream = request({
      host: '127.0.0.1',
      port: target.port,
      ca: target.caPem,
      agent,
      method,
      path: url,
      headers: message.headers,
    })
    response.once('close', () => upstream.destroy())
    upstream.end(body)
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
    if (fault !== undefined && !('cutAfterMs' in fault)) {
      // What the client is not to see is waited for, so that it has surely been carried out.
      const chunks: Buffer[] = []
      for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
      if ('silent' in fault) return
      if ('reset' in fault) {
        message.socket.destroy()
        return
      }
      if ('call' in fault && fault.when === 'after') await fault.call()
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.end(Buffer.concat(chunks))
      return
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    response.flushHeaders()
    if (fault !== undefined) setTimeout(() => message.socket.destroy(), fault.cutAfterMs)
    answer.pipe(response)
    answer.once('error', () => response.destroy())
  }

  const server = createServer(
    { key: serving.privateKeyPem, cert: serving.certChainPem },
    (message, response) => {
      handle(message, response).catch(() => response.destroy())
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kubeconfigPath = join(directory, 'faulty.kubeconfig')
  await writeKubeconfig(kubeconfigPath, { server: url, caPem: ca.rootPem, token: target.token })
  return {
    url,
    kubeconfigPath,
    seen,
    inflict: (next) => {
      rule = next
    },
    stop: async () => {
      server.close()
      server.closeAllConnections()
      agent.destroy()
    },
  }
}
