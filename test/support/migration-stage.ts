// A namespace with sidecars on an API server without agents, and a stand-in for the mesh that answers
// labels and gateways at once: for migrations whose faults matter, not their traffic.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MemoryStore } from '../../cluster/api/memory-store.ts'
import { connectCluster } from '../../cluster/client/connect.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { injectSidecar, wantsSidecar } from '../../cluster/controllers/injection.ts'
import { type Gateway, kinds, type Namespace, type Pod, type Service } from '../../cluster/kinds.ts'
import { isLabelledAmbient } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { canonical, essence } from '../../migration/plan/digest.ts'
import type { Plan, Step } from '../../migration/result/plan.ts'
import { startApi } from '../cluster/api-fixture.ts'
import { type FaultyApi, startFaultyApi } from './faulty-api.ts'

const policies = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' }
export const planId = 'shop-20261123-092100'

export interface Stage {
  readonly store: MemoryStore
  readonly faulty: FaultyApi
  /** Where journals go. */
  readonly journals: string
  readonly kubeconfigPath: string
  /** How to reach it past the faults, without a kubeconfig. */
  readonly server: { readonly url: string; readonly caPem: string; readonly token: string }
  /** Through the faults, and past them. */
  client(options?: { readonly requestTimeoutMs?: number }): Promise<ClusterClient>
  direct(): Promise<ClusterClient>
  plan(steps?: readonly Step[]): Plan
  /** Everything people have written, by kind and name, without what servers and controllers add. */
  state(): Readonly<Record<string, string>>
  stop(): Promise<void>
}

export async function startStage(): Promise<Stage> {
  const admit = (object: KubeObject, store: { get: MemoryStore['get'] }): void => {
    if (object.kind !== 'Pod') return
    const home = store.get<Namespace>({ ...kinds.namespace, name: object.metadata.namespace ?? '' })
    if (wantsSidecar(object as Pod, home?.metadata.labels)) {
      injectSidecar(object as Pod, home?.metadata.labels)
    }
  }
  const api = await startApi({ store: { admit: [admit] } })
  const directory = await mkdtemp(join(tmpdir(), 'meshbench-stage-'))
  const faulty = await startFaultyApi({ target: api.server, directory })
  const { store } = api
  populate(store)
  const mesh = standIn(store)
  return {
    store,
    faulty,
    journals: join(directory, 'migrations'),
    kubeconfigPath: api.kubeconfigPath,
    server: api.server,
    client: (options) => connectCluster({ kubeconfigPath: faulty.kubeconfigPath, ...options }),
    direct: () => api.client(),
    plan: (steps) => planFor(store, steps ?? allSteps(store)),
    state: () => stateOfStore(store),
    stop: async () => {
      mesh.stop()
      await faulty.stop()
      await api.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function populate(store: MemoryStore): void {
  store.create({
    ...kinds.namespace,
    metadata: {
      name: 'shop',
      labels: { 'istio-injection': 'enabled', team: 'retail' },
      annotations: { owner: 'jane' },
    },
  })
  store.create({
    ...kinds.service,
    metadata: { name: 'cart', namespace: 'shop' },
    spec: { selector: { app: 'cart' }, ports: [{ port: 80 }] },
  })
  for (const name of ['cart-1', 'cart-2']) addPod(store, name)
  addPod(store, 'debug', { 'sidecar.istio.io/inject': 'false' })
  store.create({
    ...policies,
    metadata: { name: 'allow-web', namespace: 'shop', labels: { team: 'retail' } },
    spec: {
      selector: { matchLabels: { app: 'cart' } },
      action: 'ALLOW',
      rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }] }],
    },
  })
  store.create({
    ...policies,
    metadata: { name: 'deny-admin', namespace: 'shop', annotations: { reason: 'audit 7' } },
    spec: { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }] },
  })
}

export function addPod(
  store: MemoryStore,
  name: string,
  labels: Record<string, string> = {},
  ownerReferences?: KubeObject['metadata']['ownerReferences'],
): void {
  const startedAt = '2026-11-20T08:00:00Z'
  store.create({
    ...kinds.pod,
    metadata: {
      name,
      namespace: 'shop',
      labels: { app: 'cart', ...labels },
      ...(ownerReferences && { ownerReferences }),
    },
    spec: { nodeName: 'one', containers: [{ name: 'app', image: 'cart:1' }] },
  })
  store.mutateStatus<Pod>({ ...kinds.pod, name, namespace: 'shop' }, (pod) => ({
    ...pod,
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      startTime: startedAt,
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        {
          name: 'app',
          image: 'cart:1',
          imageID: '',
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt } },
          lastState: {},
        },
      ],
    },
  }))
}

/** What istiod and the CNI would do, at once. */
function standIn(store: MemoryStore): { stop(): void } {
  const capture = (): void => {
    for (const home of store.list<Namespace>(kinds.namespace)) {
      const { name: namespace, labels } = home.metadata
      for (const pod of store.list<Pod>(kinds.pod, { namespace })) {
        const { 'ambient.istio.io/redirection': now, ...rest } = pod.metadata.annotations ?? {}
        const sidecar = rest['sidecar.istio.io/status'] !== undefined
        const wanted = !sidecar && isLabelledAmbient(pod.metadata.labels, labels)
        if (wanted === (now !== undefined)) continue
        const annotations = wanted ? { ...rest, 'ambient.istio.io/redirection': 'enabled' } : rest
        const metadata = { ...pod.metadata, annotations }
        store.update({ ...pod, metadata: withoutVersion(metadata) })
      }
      for (const service of store.list<Service>(kinds.service, { namespace })) {
        if (service.metadata.labels?.['gateway.istio.io/managed']) continue
        const waypoint = labels?.['istio.io/use-waypoint']
        const gateway = waypoint && store.get({ ...kinds.gateway, name: waypoint, namespace })
        const bound = {
          type: 'istio.io/WaypointBound',
          status: 'True',
          reason: 'WaypointAccepted',
          message: `bound to ${waypoint}`,
        }
        const status = gateway ? { conditions: [bound] } : {}
        if (JSON.stringify(status) === JSON.stringify(service.status ?? {})) continue
        const metadata = withoutVersion(service.metadata)
        store.updateStatus({ ...service, metadata, status })
      }
    }
  }
  const gateways = store.watch<Gateway>(kinds.gateway, {}, ({ type, object }) => {
    const { name, namespace = '', uid = '' } = object.metadata
    if (type !== 'ADDED') return
    const labels = { 'gateway.networking.k8s.io/gateway-name': name }
    const owner = { apiVersion: object.apiVersion, kind: object.kind, name, uid, controller: true }
    store.create({
      ...kinds.deployment,
      metadata: { name, namespace, labels, ownerReferences: [owner] },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'false' } },
          spec: { containers: [{ name: 'istio-proxy', image: 'waypoint' }] },
        },
      },
    })
    store.mutateStatus({ ...kinds.deployment, name, namespace }, (found) => ({
      ...found,
      status: { readyReplicas: 1 },
    }))
    store.mutateStatus<Gateway>({ ...kinds.gateway, name, namespace }, (found) => ({
      ...found,
      status: {
        addresses: [{ type: 'IPAddress', value: '10.1.0.1' }],
        conditions: [{ type: 'Programmed', status: 'True', reason: 'Programmed' }],
      },
    }))
    capture()
  })
  const others = [kinds.namespace, kinds.pod].map((kind) => store.watch(kind, {}, capture))
  return {
    stop: () => {
      for (const watch of [gateways, ...others]) watch.stop()
    },
  }
}

function withoutVersion(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const { resourceVersion: _, ...rest } = metadata
  return rest
}

function planFor(store: MemoryStore, steps: readonly Step[]): Plan {
  void store
  return {
    schemaVersion: 1,
    kind: 'meshbench-migration-plan',
    id: planId,
    tool: 'meshbench test',
    createdAt: '2026-11-23T09:21:00.000Z',
    source: { from: 'cluster', server: 'https://127.0.0.1' },
    options: {
      namespaces: ['shop'],
      restartWorkloads: false,
      waypoint: 'auto',
      waypointName: 'waypoint',
      accept: [],
      probe: false,
    },
    waves: [['shop']],
    basis: { hash: 'as it was', objects: {} },
    checks: [],
    policies: [],
    steps: [...steps],
    staying: [],
  }
}

const tlsMode = 'security.istio.io/tlsMode'
const shop = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }
const waypoint = { ...kinds.gateway, name: 'waypoint', namespace: 'shop' }

export function step(id: string, parts: Partial<Step>): Step {
  return {
    id,
    phase: id.split('/')[0] ?? id,
    title: id,
    why: 'for a test',
    calls: [],
    verify: [],
    takenBack: 'as recorded',
    effects: [],
    restarts: [],
    ...(id.includes('/') && { namespace: 'shop' }),
    ...parts,
  }
}

export function labelStep(
  id: string,
  before: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
  verify: Step['verify'] = [],
): Step {
  const operations = Object.entries(changes).map(([key, value]) => {
    const path = `/metadata/labels/${key.replace('/', '~1')}`
    if (value === null) return { op: 'remove' as const, path }
    return { op: 'add' as const, path, value }
  })
  return step(id, {
    calls: [
      {
        verb: 'patch',
        ref: shop,
        patch: [{ op: 'test', path: '/metadata/labels', value: before }, ...operations],
      },
    ],
    verify: [{ check: 'labels', ref: shop, labels: { ...changes }, timeoutMs: 2_000 }, ...verify],
  })
}

/** Every verb, every kind of before-state: created, applied, patched and deleted objects. */
export function allSteps(store: MemoryStore): readonly Step[] {
  const labels = store.get({ ...kinds.namespace, name: 'shop' })?.metadata.labels ?? {}
  const bound = { ...labels, 'istio.io/use-waypoint': 'waypoint' }
  const denied = { ...policies, name: 'deny-admin', namespace: 'shop' }
  const allowed = { ...policies, name: 'allow-web', namespace: 'shop' }
  const copy = { ...policies, name: 'deny-admin-waypoint', namespace: 'shop' }
  const within = { namespace: 'shop', timeoutMs: 2_000 }
  return [
    step('S0', {}),
    step('S5/shop', {
      calls: [
        {
          verb: 'apply',
          ref: waypoint,
          body: {
            spec: {
              gatewayClassName: 'istio-waypoint',
              listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }],
            },
          },
        },
      ],
      verify: [{ check: 'gateway-ready', ref: waypoint, timeoutMs: 2_000 }],
    }),
    step('S6/shop', {
      calls: [
        {
          verb: 'patch',
          ref: allowed,
          patch: [
            {
              op: 'test',
              path: '/spec/rules/0/from/0/source/principals/0',
              value: 'cluster.local/ns/shop/sa/web',
            },
            {
              op: 'add',
              path: '/spec/rules/0/from/0/source/principals/-',
              value: 'cluster.local/ns/shop/sa/waypoint',
            },
          ],
        },
      ],
    }),
    step('S7/shop', {
      calls: [
        {
          verb: 'create',
          ref: copy,
          body: {
            spec: {
              targetRefs: [{ group: '', kind: 'Service', name: 'cart' }],
              action: 'DENY',
              rules: [{ to: [{ operation: { paths: ['/admin*'] } }] }],
            },
          },
        },
      ],
    }),
    step('S8/shop', {
      calls: [
        {
          verb: 'patch',
          ref: denied,
          patch: [
            { op: 'add', path: '/spec/selector', value: { matchLabels: { [tlsMode]: 'istio' } } },
          ],
        },
      ],
    }),
    labelStep('S9/shop', labels, { 'istio.io/use-waypoint': 'waypoint' }, [
      { check: 'waypoint-bound', ref: shop, ...within },
    ]),
    labelStep(
      'S10/shop',
      bound,
      { 'istio-injection': null, 'istio.io/dataplane-mode': 'ambient' },
      [
        { check: 'no-injection', ...within },
        { check: 'pods-captured', ...within },
        { check: 'pods-unchanged', ...within },
      ],
    ),
    step('S12/shop', {
      requires: [
        {
          check: 'unchanged',
          ref: denied,
          fields: {
            'spec.action': 'DENY',
            'spec.selector': { matchLabels: { [tlsMode]: 'istio' } },
            'metadata.uid': store.get(denied)?.metadata.uid ?? null,
          },
        },
      ],
      calls: [{ verb: 'delete', ref: denied, uid: store.get(denied)?.metadata.uid ?? '' }],
      verify: [{ check: 'traffic-holds', namespace: 'shop', timeoutMs: 20 }],
    }),
    step('S14', {}),
  ]
}

const written = [
  kinds.namespace,
  kinds.pod,
  kinds.service,
  kinds.gateway,
  kinds.deployment,
  policies,
]
const leases = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }

function stateOfStore(store: MemoryStore): Readonly<Record<string, string>> {
  const objects = [...written, leases].flatMap((kind) => store.list(kind))
  return Object.fromEntries(
    objects
      .map((object): [string, string] => {
        const { kind, metadata } = object
        return [`${kind} ${metadata.namespace ?? ''}/${metadata.name}`, canonical(essence(object))]
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
