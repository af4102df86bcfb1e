import { type ChildProcess, spawn } from 'node:child_process'
import type { KindRef, Selection } from '../../cluster/api/store.ts'
import type { ClusterClient, PodRequest } from '../../cluster/client/types.ts'
import type { KubeObject, ObjectRef } from '../../cluster/objects.ts'
import type { LoadEvent, LoadPlan } from '../../harness/load/protocol.ts'
import { loadResult } from './windows.ts'

export interface FakeLoad {
  readonly namespace: string
  readonly plan: LoadPlan
  send(event: LoadEvent): void
}

export interface FakeClusterOptions {
  /** Says what a generator does with a plan. Without: a healthy window at once. */
  readonly load?: (load: FakeLoad) => Promise<void>
  /** Pods with this `app` label never become ready. */
  readonly broken?: string
  /** Proxies that count nothing. */
  readonly idleProxies?: boolean
}

/**
 * As much of a cluster as the harness sees through its client: objects, pods that are ready at once
 * with a real (sleeping) process behind each container, metrics, and a scripted load generator.
 */
export class FakeCluster {
  readonly objects: KubeObject[] = []
  readonly plans: { readonly namespace: string; readonly plan: LoadPlan }[] = []
  readonly client: ClusterClient
  readonly #processes: ChildProcess[] = []
  readonly #options: FakeClusterOptions
  #answered = 0

  constructor(options: FakeClusterOptions = {}) {
    this.#options = options
    const unused = (): never => {
      throw new Error('the harness is not expected to call this')
    }
    this.client = {
      server: 'fake',
      version: async () => ({ gitVersion: 'v1.31.0+fake', embedded: true }),
      create: async (object) => {
        this.objects.push(object)
        this.#react(object)
        return object
      },
      get: async <T extends KubeObject>(ref: ObjectRef) =>
        this.objects.find(
          ({ kind, metadata }) => kind === ref.kind && metadata.name === ref.name,
        ) as T | undefined,
      list: async <T extends KubeObject>(kind: KindRef, selection: Selection = {}) =>
        this.objects.filter((object) => matches(object, kind, selection)) as T[],
      listEach: unused,
      patch: unused,
      delete: async () => undefined,
      watch: unused,
      podRequest: (request) => this.#answer(request),
      podForward: unused,
      podLog: async () => 'first line\nlistening failed: address in use\n',
    }
  }

  pods(namespace: string): KubeObject[] {
    return this.objects.filter(
      ({ kind, metadata }) => kind === 'Pod' && metadata.namespace === namespace,
    )
  }

  /** Kills the process behind a container, as a crash would. */
  kill(pod: KubeObject): void {
    const id = (pod.status as { containerStatuses: { containerID: string }[] }).containerStatuses
    process.kill(Number(id[0]?.containerID.slice('process://'.length)), 'SIGKILL')
  }

  stop(): void {
    for (const child of this.#processes) child.kill('SIGKILL')
  }

  #react(object: KubeObject): void {
    const { namespace = '', name, labels = {} } = object.metadata
    if (object.kind === 'Node' && labels['meshbench.dev/ztunnel'] === 'true') {
      this.#pod('istio-system', `ztunnel-${name}`, { app: 'ztunnel' }, ['istio-proxy'], name)
    }
    if (object.kind === 'Gateway') {
      const own = { 'gateway.networking.k8s.io/gateway-name': name }
      this.#pod(namespace, name, own, ['istio-proxy'], 'server')
    }
    if (object.kind === 'Deployment') {
      const ns = this.objects.find((o) => o.kind === 'Namespace' && o.metadata.name === namespace)
      const injected = ns?.metadata.labels?.['istio-injection'] === 'enabled'
      const spec = object.spec as { replicas: number; template: { metadata: { labels: object } } }
      for (let index = 0; index < spec.replicas; index++) {
        const containers = injected ? [name, 'istio-proxy'] : [name]
        const podLabels = { ...spec.template.metadata.labels }
        this.#pod(namespace, `${name}-${index}`, podLabels, containers, 'any')
      }
    }
  }

  #pod(
    namespace: string,
    name: string,
    labels: Record<string, string>,
    containers: readonly string[],
    nodeName: string,
  ): void {
    const ready = this.#options.broken === undefined || labels.app !== this.#options.broken
    this.objects.push({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels },
      spec: { nodeName, containers: containers.map((container) => ({ name: container })) },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        containerStatuses: containers.map((container) => ({
          name: container,
          ready,
          restartCount: ready ? 0 : 3,
          state: ready
            ? { running: {} }
            : { waiting: { reason: 'CrashLoopBackOff', message: 'exit code 1' } },
          containerID: `process://${this.#spawn()}`,
        })),
      },
    })
  }

  #spawn(): number {
    const child = spawn('sleep', ['300'], { stdio: 'ignore' })
    this.#processes.push(child)
    return child.pid ?? 0
  }

  async #answer(request: PodRequest): Promise<Response> {
    if (request.path === '/metrics') return new Response(this.#metrics())
    const plan = JSON.parse(request.body ?? '') as LoadPlan
    this.plans.push({ namespace: request.namespace, plan })
    this.#answered += 10_000
    const load = this.#options.load ?? healthyLoad
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        const send = (event: LoadEvent): void => {
          controller.enqueue(encoder.encode(`${JSON.stringify(event)}\n`))
        }
        request.signal?.addEventListener('abort', () => controller.error(request.signal?.reason))
        await load({ namespace: request.namespace, plan, send })
          .then(() => controller.close())
          // The reader may have gone already.
          .catch(() => undefined)
      },
    })
    return new Response(body)
  }

  #metrics(): string {
    if (this.#options.idleProxies === true) return ''
    const tls = 'connection_security_policy="mutual_tls"'
    return [
      `istio_requests_total{reporter="destination",${tls}} ${this.#answered}`,
      `istio_requests_total{reporter="waypoint",${tls}} ${this.#answered}`,
      `istio_tcp_connections_opened_total{reporter="destination",${tls}} ${this.#answered}`,
      `istio_tcp_received_bytes_total{reporter="destination",${tls}} ${this.#answered * 100}`,
    ].join('\n')
  }
}

export async function healthyLoad({ plan, send }: FakeLoad): Promise<void> {
  send({ event: 'warmup', atMs: Date.now() })
  send({ event: 'window-start', atMs: Date.now() })
  await new Promise((resolve) => setTimeout(resolve, 30))
  send({ event: 'window-end', atMs: Date.now() })
  send({ event: 'result', result: loadResult({ durationMs: plan.windowMs }) })
}

function matches(object: KubeObject, kind: KindRef, selection: Selection): boolean {
  const { labels = {}, namespace } = object.metadata
  return (
    object.kind === kind.kind &&
    (selection.namespace === undefined || namespace === selection.namespace) &&
    (selection.labelSelector ?? '')
      .split(',')
      .filter((term) => term !== '')
      .every((term) => {
        const [key = '', value] = term.split('=')
        return labels[key] === value
      })
  )
}
