import type { KubeObject } from '../../cluster/objects.ts'
import { inventoryKinds } from '../../migration/inventory/kinds.ts'
import { NotReadable, type Probes, type Snapshot } from '../../migration/inventory/snapshot.ts'
import { buildPlan } from '../../migration/plan/build.ts'
import { decideIntent } from '../../migration/plan/decide-intent.ts'
import type { PlanOptions } from '../../migration/plan/intent.ts'
import { runChecks } from '../../migration/preflight/run-checks.ts'
import type { Plan } from '../../migration/result/plan.ts'

/** A snapshot of these objects, as if read from a real cluster whose probes cannot be read. */
export function snapshotOf(
  objects: readonly KubeObject[],
  overrides: Partial<Omit<Snapshot, 'items' | 'probes'>> & {
    readonly probes?: Partial<Probes>
  } = {},
): Snapshot {
  const unread = (): never => {
    throw new NotReadable('not read in this test')
  }
  return {
    source: { from: 'cluster', server: 'https://10.0.0.1', version: 'v1.32.1', embedded: false },
    takenAt: '2026-11-23T09:00:00.000Z',
    namespaces: ['shop'],
    rootNamespace: 'istio-system',
    ...overrides,
    items: <T extends KubeObject>(kind: keyof typeof inventoryKinds) => {
      const wanted = inventoryKinds[kind]
      const group = (apiVersion: string): string => apiVersion.replace(/\/?v[^/]*$/, '')
      return objects.filter(
        (one) => one.kind === wanted.kind && group(one.apiVersion) === group(wanted.apiVersion),
      ) as T[]
    },
    probes: {
      allowed: unread,
      callers: unread,
      callees: unread,
      callersBasis: unread,
      configMap: unread,
      dashboards: unread,
      ...overrides.probes,
    },
  }
}

export const planOptions: PlanOptions = {
  namespaces: ['shop'],
  restartWorkloads: false,
  waypoint: 'auto',
  waypointName: 'waypoint',
  accept: [],
  probe: false,
}

export const identity = {
  id: 'shop-20261123-090000-abcd',
  createdAt: '2026-11-23T09:00:00.000Z',
  tool: 'meshbench 0.0.0',
} as const

/** Without findings, unless the preflight is to look as well. */
export function planOf(
  objects: readonly KubeObject[],
  options: Partial<PlanOptions> & { readonly checked?: boolean } = {},
): Plan {
  const { checked = false, ...changes } = options
  const snapshot = snapshotOf(objects)
  const intent = decideIntent(snapshot, { ...planOptions, ...changes })
  return buildPlan(snapshot, intent, checked ? runChecks({ snapshot, intent }) : [], identity)
}

export function namespace(name: string, labels: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
  }
}

export function policy(
  name: string,
  spec: Record<string, unknown>,
  home = 'shop',
  annotations?: Record<string, string>,
): KubeObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: home, ...(annotations && { annotations }) },
    spec,
  }
}

/** A running pod of a Deployment of that name, with a sidecar unless told otherwise. */
export function pod(
  app: string,
  options: {
    readonly namespace?: string
    readonly sidecar?: boolean
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly spec?: Record<string, unknown>
  } = {},
): KubeObject {
  const { namespace: home = 'shop', sidecar = true, labels = {}, annotations = {} } = options
  const hash = '5d9c7b8f6'
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${app}-${hash}-x2k4q`,
      namespace: home,
      uid: `uid-${home}-${app}`,
      labels: {
        app,
        'pod-template-hash': hash,
        ...(sidecar ? { 'security.istio.io/tlsMode': 'istio' } : {}),
        ...labels,
      },
      annotations: { ...(sidecar ? { 'sidecar.istio.io/status': '{}' } : {}), ...annotations },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${app}-${hash}`,
          uid: `rs-${app}`,
          controller: true,
        },
      ],
    },
    spec: { serviceAccountName: app, containers: [{ name: 'app', image: app }], ...options.spec },
    status: { phase: 'Running', podIP: '10.0.1.1' },
  }
}

export function deployment(
  app: string,
  options: {
    readonly namespace?: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly spec?: Record<string, unknown>
  } = {},
): KubeObject {
  const { namespace: home = 'shop', labels = {}, annotations } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, namespace: home, labels: { app } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app, ...labels }, ...(annotations && { annotations }) },
        spec: { serviceAccountName: app, containers: [{ name: 'app', image: app }] },
      },
      ...options.spec,
    },
  }
}

export function service(
  app: string,
  options: { readonly namespace?: string; readonly labels?: Record<string, string> } = {},
): KubeObject {
  const { namespace: home = 'shop', labels = {} } = options
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app, namespace: home, labels: { app, ...labels } },
    spec: { selector: { app }, ports: [{ name: 'http', port: 8080, targetPort: 8080 }] },
  }
}
