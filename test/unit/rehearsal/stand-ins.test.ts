import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../../cluster/objects.ts'
import { standIns } from '../../../harness/rehearsal/stand-ins.ts'
import { targetsOf } from '../../../harness/rehearsal/targets.ts'

function object(kind: string, name: string, spec: object = {}, metadata: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'shop', uid: 'u', resourceVersion: '7', ...metadata },
    spec,
    status: { replicas: 1 },
  }
}

function workload(kind: string, name: string, pod: object, replicas = 1): KubeObject {
  return object(kind, name, {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name, version: 'v1' } }, spec: pod },
  })
}

const service = (name: string, port: object, more: object = {}): KubeObject =>
  object('Service', name, { selector: { app: name }, ports: [port], ...more })

const http = { name: 'http', port: 80, targetPort: 'web', nodePort: 30_080 }

const web = workload('Deployment', 'web', {
  serviceAccountName: 'front',
  initContainers: [{ name: 'wait' }],
  volumes: [{ name: 'tls' }],
  hostNetwork: true,
  containers: [
    {
      name: 'web',
      image: 'registry.example/web:1.2',
      command: ['/bin/web'],
      envFrom: [{ secretRef: { name: 'env' } }],
      livenessProbe: { exec: { command: ['/bin/true'] } },
      ports: [
        { name: 'web', containerPort: 8000 },
        { name: 'tcp-admin', containerPort: 9000 },
        { name: 'dns', containerPort: 53, protocol: 'UDP' },
      ],
    },
    { name: 'logs', image: 'registry.example/logs:3' },
    { name: 'istio-proxy', image: 'auto' },
  ],
})

interface Rehearsed {
  readonly replicas?: number
  readonly template: {
    readonly metadata: object
    readonly spec: {
      readonly serviceAccountName?: string
      readonly containers: readonly {
        readonly name: string
        readonly image: string
        readonly ports?: object
        readonly env?: readonly { readonly name: string; readonly value: string }[]
        readonly command?: unknown
        readonly readinessProbe?: object
      }[]
    }
  }
}

const specOf = (found: readonly KubeObject[], name: string): Rehearsed =>
  found.find(({ kind, metadata }) => kind !== 'Service' && metadata.name === name)
    ?.spec as Rehearsed

test('names, labels, accounts and ports stay; programs and what only they need do not', () => {
  const { objects, replaced, leftOut } = standIns([web, service('web', http)], 'shop')
  const { template, replicas } = specOf(objects, 'web')
  assert.equal(replicas, 1)
  assert.deepEqual(template.metadata, { labels: { app: 'web', version: 'v1' } })
  assert.equal(template.spec.serviceAccountName, 'front')
  assert.deepEqual(
    template.spec.containers.map(({ name, image, env, command, readinessProbe }) => [
      name,
      image,
      env?.find((one) => one.name === 'PORT')?.value,
      command,
      readinessProbe,
    ]),
    [
      [
        'web',
        'meshbench/service',
        '8000',
        undefined,
        { httpGet: { path: '/healthz', port: 8000 }, periodSeconds: 1 },
      ],
      [
        'web-9000',
        'meshbench/store',
        '9000',
        undefined,
        { tcpSocket: { port: 9000 }, periodSeconds: 1 },
      ],
    ],
  )
  assert.deepEqual(Object.keys(template.spec), ['serviceAccountName', 'containers'])
  assert.deepEqual(replaced, ['Deployment web: registry.example/web:1.2, registry.example/logs:3'])
  assert.deepEqual(leftOut, [
    'Deployment web: init containers',
    'Deployment web: volumes',
    'Deployment web: hostNetwork',
    'Deployment web: container logs, without a port',
    'Deployment web: port 53/UDP',
  ])
  assert.deepEqual(targetsOf(objects), [{ service: 'web', weight: 1, workloads: ['web'] }])
})

test('Services and policies stay as they were written, without what a cluster has added', () => {
  const policy = (namespace: string): KubeObject =>
    object('AuthorizationPolicy', 'who', { action: 'DENY' }, { namespace })
  const headless = service('db', { name: 'tcp', port: 5432 }, { clusterIP: 'None' })
  const { objects } = standIns(
    [
      service('web', http, { type: 'NodePort', clusterIP: '10.0.0.7' }),
      headless,
      policy('shop'),
      policy('istio-system'),
      policy('other'),
      object('NetworkPolicy', 'in', { podSelector: {} }),
    ],
    'shop',
  )
  assert.deepEqual(
    objects.map(({ kind, metadata, spec, ...rest }) => [kind, metadata, spec, rest]),
    [
      [
        'Service',
        { name: 'web', namespace: 'shop' },
        { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
        { apiVersion: 'v1' },
      ],
      [
        'Service',
        { name: 'db', namespace: 'shop' },
        { selector: { app: 'db' }, ports: [{ name: 'tcp', port: 5432 }], clusterIP: 'None' },
        { apiVersion: 'v1' },
      ],
      [
        'AuthorizationPolicy',
        { name: 'who', namespace: 'shop' },
        { action: 'DENY' },
        { apiVersion: 'v1' },
      ],
      [
        'NetworkPolicy',
        { name: 'in', namespace: 'shop' },
        { podSelector: {} },
        { apiVersion: 'v1' },
      ],
      [
        'AuthorizationPolicy',
        { name: 'who', namespace: 'istio-system' },
        { action: 'DENY' },
        { apiVersion: 'v1' },
      ],
    ],
  )
})

test('a port that nobody declared is the one its Service calls; without a name it is called, too', () => {
  const bare = workload('StatefulSet', 'api', { containers: [{ name: 'api', image: 'x' }] })
  const { objects } = standIns([bare, service('api', { port: 80, targetPort: 3000 })], 'shop')
  const [container] = specOf(objects, 'api').template.spec.containers
  assert.deepEqual(container?.ports, [{ containerPort: 3000 }])
  assert.deepEqual(
    targetsOf(objects).map((target) => target.service),
    ['api'],
  )
})

test('programs of meshbench stay what they are, its load gives way to the callers', () => {
  const env = [{ name: 'SCRIPT', value: '[]' }]
  const ours = { name: 'service', image: 'meshbench/service', env, volumeMounts: [{ name: 'v' }] }
  const { objects, replaced, leftOut } = standIns(
    [
      workload('Deployment', 'cart', { containers: [ours] }),
      workload('Deployment', 'load', { containers: [{ name: 'load', image: 'meshbench/load' }] }),
      object('ServiceAccount', 'load'),
      object('ServiceAccount', 'default'),
    ],
    'shop',
  )
  assert.deepEqual(
    objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    ['Deployment cart'],
  )
  assert.deepEqual(specOf(objects, 'cart').template.spec.containers, [
    { name: 'service', image: 'meshbench/service', env },
  ])
  assert.deepEqual(replaced, [])
  assert.deepEqual(leftOut, ['Deployment load: load of meshbench; the callers take its place'])
})

test('what is not rehearsed is said, what others make is not', () => {
  const owned = { ownerReferences: [{ kind: 'ReplicaSet' }] }
  const { objects, leftOut } = standIns(
    [
      object('Job', 'schema'),
      object('Job', 'nightly-1', {}, owned),
      object('HorizontalPodAutoscaler', 'web'),
      object('Pod', 'debug'),
      object('Pod', 'web-1', {}, owned),
      object('Service', 'away', { type: 'ExternalName' }),
      object('Gateway', 'edge', { gatewayClassName: 'istio' }),
      object('Gateway', 'waypoint', { gatewayClassName: 'istio-waypoint' }),
      workload('Deployment', 'load', { containers: [{ name: 'load', image: 'x' }] }),
      object('Secret', 'tls'),
    ],
    'shop',
  )
  assert.deepEqual(
    objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    ['Gateway waypoint'],
  )
  assert.deepEqual(leftOut, [
    'Job schema: this kind is not rehearsed',
    'HorizontalPodAutoscaler web: this kind is not rehearsed',
    'Pod debug: a pod that no workload makes',
    'Service away: type ExternalName is not rehearsed',
    'Gateway edge: ingress is not rehearsed',
    'Deployment load: its name is that of the caller inside',
  ])
})

for (const [minAvailable, fitted] of [
  [4, 1],
  [5, 2],
  [2, 0],
  ['80%', 1],
] as const) {
  test(`of 5 replicas two stay; a budget of ${minAvailable} available becomes ${fitted}`, () => {
    const { objects, leftOut } = standIns(
      [
        object('PodDisruptionBudget', 'api', {
          selector: { matchLabels: { app: 'api' } },
          minAvailable,
        }),
        workload('Deployment', 'api', { containers: [{ name: 'api', image: 'x' }] }, 5),
      ],
      'shop',
    )
    assert.equal(specOf(objects.slice(1), 'api').replicas, 2)
    const budget = objects.find(({ kind }) => kind === 'PodDisruptionBudget')
    assert.equal((budget?.spec as { minAvailable?: number } | undefined)?.minAvailable, fitted)
    assert.deepEqual(leftOut, ['Deployment api: 3 of its 5 replicas'])
  })
}
