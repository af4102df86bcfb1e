import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStore, type MemoryStore, type StoreOptions } from '../../cluster/api/memory-store.ts'
import type { PodBackend } from '../../cluster/api/pod-backend.ts'
import { type ApiServer, startApiServer } from '../../cluster/api/server.ts'
import { createAuthority } from '../../cluster/ca/authority.ts'
import { connectCluster } from '../../cluster/client/connect.ts'
import { writeKubeconfig } from '../../cluster/client/kubeconfig.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import type { KubeObject } from '../../cluster/objects.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON came back
  readonly json: any
}

export interface ApiFixture {
  readonly store: MemoryStore
  readonly server: ApiServer
  readonly kubeconfigPath: string
  client(): Promise<ClusterClient>
  open(method: string, path: string, options?: CallOptions): Promise<IncomingMessage>
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  stop(): Promise<void>
}

export interface CallOptions {
  readonly body?: unknown
  readonly type?: string
  readonly headers?: RequestOptions['headers']
  readonly token?: string | null
}

export async function startApi(
  options: { readonly store?: StoreOptions; readonly pods?: PodBackend } = {},
): Promise<ApiFixture> {
  const store = createStore(options.store)
  const ca = await createAuthority({ trustDomain: 'api.test' })
  const server = await startApiServer({ store, ca, ...(options.pods && { pods: options.pods }) })
  const directory = await mkdtemp(join(tmpdir(), 'meshbench-api-'))
  const kubeconfigPath = join(directory, 'kubeconfig')
  const { url, caPem, token } = server
  await writeKubeconfig(kubeconfigPath, { server: url, caPem, token })

  function open(method: string, path: string, call: CallOptions = {}): Promise<IncomingMessage> {
    const given = call.token === undefined ? token : call.token
    const text = typeof call.body === 'string' ? call.body : JSON.stringify(call.body)
    return new Promise((resolve, reject) => {
      request(
        {
          host: '127.0.0.1',
          port: server.port,
          path,
          method,
          ca: caPem,
          agent: false,
          headers: {
            ...(given !== null && { authorization: `Bearer ${given}` }),
            ...(text !== undefined && {
              'content-type': call.type ?? 'application/json',
              'content-length': Buffer.byteLength(text),
            }),
            ...call.headers,
          },
        },
        resolve,
      )
        .once('error', reject)
        .end(text)
    })
  }

  return {
    store,
    server,
    kubeconfigPath,
    client: () => connectCluster({ kubeconfigPath }),
    open,
    call: async (method, path, call) => answerOf(await open(method, path, call)),
    stop: async () => {
      await server.close()
      await rm(directory, { recursive: true })
    },
  }
}

async function answerOf(message: IncomingMessage): Promise<Answer> {
  let text = ''
  for await (const chunk of message) text += chunk
  const isJson = message.headers['content-type'] === 'application/json'
  const json = isJson ? JSON.parse(text) : undefined
  return { status: message.statusCode ?? 0, headers: message.headers, text, json }
}

export function configMap(
  name: string,
  data: Record<string, string> = {},
  labels: Record<string, string> = {},
): KubeObject {
  const metadata = { name, namespace: 'default', labels }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }
}

export function pod(name: string, spec: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'app', image: 'service' }], ...spec },
  }
}
