import { randomBytes } from 'node:crypto'
import http, { type IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { createStore } from '../../cluster/api/memory-store.ts'
import { startApiServer } from '../../cluster/api/server.ts'
import { createAuthority } from '../../cluster/ca/authority.ts'
import { admission } from '../../cluster/controllers/admission.ts'
import { startControllers } from '../../cluster/controllers/index.ts'
import { createView } from '../../cluster/controllers/view.ts'

/**
 * What the suite is held against: the embedded API server with its controllers but without nodes, or
 * the cluster of MESHBENCH_CONFORMANCE_KUBECONFIG. Nothing outside the scratch namespace is written.
 */
export interface Server {
  readonly embedded: boolean
  readonly config: KubeConfig
  /** A namespace of this test file, deleted at its end. */
  readonly namespace: string
  /** `path('configmaps', 'a')`; of another group: `path('apps/v1/deployments', 'web', 'status')`. */
  path(resource: string, ...rest: readonly string[]): string
  open(method: string, path: string, options?: CallOptions): Promise<IncomingMessage>
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  stop(): Promise<void>
}

export interface CallOptions {
  readonly body?: unknown
  readonly type?: string
  readonly accept?: string
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON came back
  readonly json: any
}

export const PATCH = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

/**
 * Why tests of what controllers do are skipped: a bare API server collects no garbage and finishes no
 * namespace. Undefined when there are controllers.
 */
export const controllersMissing =
  process.env.MESHBENCH_CONFORMANCE_CONTROLLERS === 'none' ? 'there are no controllers' : undefined

/** Changes per kind that the embedded server remembers here: few, so that tests can outrun it. */
const HISTORY_LENGTH = 100

export async function startServer(): Promise<Server> {
  const kubeconfigPath = process.env.MESHBENCH_CONFORMANCE_KUBECONFIG
  const config = new KubeConfig()
  const close = kubeconfigPath === undefined ? await embed(config) : async () => undefined
  if (kubeconfigPath !== undefined) config.loadFromFile(kubeconfigPath)
  const base = new URL(config.getCurrentCluster()?.server ?? '')
  const secure = base.protocol === 'https:'
  const namespace = `conformance-${randomBytes(4).toString('hex')}`

  async function open(method: string, path: string, call: CallOptions = {}) {
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const text = typeof call.body === 'string' ? call.body : JSON.stringify(call.body)
    return new Promise<IncomingMessage>((resolve, reject) => {
      ;(secure ? https : http)
        .request(
          {
            ...options,
            host: base.hostname,
            port: base.port || (secure ? 443 : 80),
            path: base.pathname.replace(/\/$/, '') + path,
            method,
            headers: {
              ...options.headers,
              accept: call.accept ?? 'application/json',
              ...(text !== undefined && {
                'content-type': call.type ?? 'application/json',
                'content-length': Buffer.byteLength(text),
              }),
            },
          },
          resolve,
        )
        .once('error', reject)
        .end(text)
    })
  }

  async function call(method: string, path: string, options?: CallOptions): Promise<Answer> {
    const message = await open(method, path, options)
    let text = ''
    for await (const chunk of message) text += chunk
    const isJson = message.headers['content-type']?.startsWith('application/json')
    const json = isJson ? JSON.parse(text) : undefined
    return { status: message.statusCode ?? 0, headers: message.headers, text, json }
  }

  const home = { metadata: { name: namespace } }
  const made = await call('POST', '/api/v1/namespaces', { body: home })
  if (made.status !== 201) throw new Error(`no scratch namespace: ${made.text}`)
  // Pods are refused until their account is there, which a controller makes.
  if (controllersMissing) {
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
    await call('POST', accounts, { body: { metadata: { name: 'default' } } })
  }
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`
  await eventually(async () => (await call('GET', account)).status === 200)
  return {
    embedded: kubeconfigPath === undefined,
    config,
    namespace,
    path: (resource, ...rest) => {
      const plural = resource.slice(resource.lastIndexOf('/') + 1)
      const group = resource.slice(0, Math.max(resource.lastIndexOf('/'), 0))
      const root = group === '' ? '/api/v1' : `/apis/${group}`
      return [root, 'namespaces', namespace, plural, ...rest].join('/')
    },
    open,
    call,
    stop: async () => {
      await call('DELETE', `/api/v1/namespaces/${namespace}`)
      await close()
    },
  }
}

async function embed(config: KubeConfig): Promise<() => Promise<void>> {
  const onError = (error: unknown): void => process.emitWarning(String(error))
  let next = 0
  const clusterIps = { next: () => `127.0.192.${++next}` }
  const store = createStore({ historyLength: HISTORY_LENGTH, admit: [admission(clusterIps)] })
  const view = createView(store)
  const controllers = startControllers({ store, view, onError })
  const server = await startApiServer({
    store,
    ca: await createAuthority({ trustDomain: 'conformance.test' }),
  })
  const caData = Buffer.from(server.caPem).toString('base64')
  config.loadFromOptions({
    clusters: [{ name: 'embedded', server: server.url, caData, skipTLSVerify: false }],
    users: [{ name: 'admin', token: server.token }],
    contexts: [{ name: 'embedded', cluster: 'embedded', user: 'admin' }],
    currentContext: 'embedded',
  })
  return async () => {
    await server.close()
    await controllers.stop()
    view.stop()
  }
}

/** What controllers do takes its time on a real cluster. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error('it did not come true within a minute')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export function configMap(
  name: string,
  data: Record<string, string> = {},
  metadata: object = {},
): { apiVersion: string; kind: string; metadata: object; data: Record<string, string> } {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data }
}

/** Of a deployment that makes no pods. */
export function deployment(name: string, spec: object = {}): object {
  const labels = { app: name }
  const containers = [{ name: 'app', image: 'registry.k8s.io/pause:3.9' }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      paused: true,
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
      ...spec,
    },
  }
}

/** Of a pod that no node takes. */
export function pod(name: string, labels: Record<string, string> = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      nodeSelector: { 'meshbench.dev/no-such-node': 'true' },
      containers: [{ name: 'app', image: 'registry.k8s.io/pause:3.9' }],
    },
  }
}

export const names = (list: { items: { metadata: { name: string } }[] }): string[] =>
  list.items.map(({ metadata }) => metadata.name)

export const fields = (status: { details: { causes: { field: string }[] } }): string[] =>
  status.details.causes.map(({ field }) => field)
