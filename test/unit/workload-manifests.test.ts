import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findWorkload } from '../../workloads/find-workload.ts'
import { podCount } from '../../workloads/workload.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-manifests-'))
after(() => rmSync(scratch, { recursive: true }))

function file(text: string): string {
  const path = join(scratch, 'web.yaml')
  writeFileSync(path, text)
  return path
}

function service(name: string, extra = ''): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name}${extra} }
spec: { clusterIP: 10.0.0.7, selector: { app: ${name} }, ports: [{ name: http-web, port: 80, targetPort: 8080 }] }
`
}

function deployment(name: string, script = '[]', image = 'meshbench/service'): string {
  return `---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, uid: abc, resourceVersion: "7" }
spec:
  replicas: 3
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: shared
      containers:
        - name: app
          image: ${image}
          env:
            - { name: SCRIPT, value: '${script}' }
            - { name: RESPONSE_BYTES, value: "5" }
status: { replicas: 3 }
`
}

const callsApi = '[{"call":{"service":"api:80"}}]'
const both = service('web') + service('api') + deployment('web', callsApi) + deployment('api')

test('shop has eight services in nine pods, one of them TCP, and is entered at the storefront', () => {
  const shop = findWorkload('shop')
  const objects = shop.manifests({ namespace: 'shop' })
  const services = objects.filter(({ kind }) => kind === 'Service')
  assert.equal(shop.entry, 'storefront')
  assert.deepEqual(shop.warnings, [])
  assert.equal(services.length, 8)
  assert.equal(podCount(shop), 9)
  const protocols = services.map(({ metadata, spec }) => [
    metadata.name,
    (spec as { ports: { appProtocol: string }[] }).ports[0]?.appProtocol,
  ])
  assert.deepEqual(
    protocols.filter(([, protocol]) => protocol !== 'http'),
    [['cart-store', 'tcp']],
  )
  assert.doesNotMatch(JSON.stringify(objects), /istio|sidecar|ambient/)
})

test('the load enters at the service that no other calls', () => {
  assert.equal(findWorkload(file(both)).entry, 'web')
})

test('an annotation on a Service says where load enters, --entry overrules it', () => {
  const marked = both.replace(
    '{ name: api }',
    '{ name: api, annotations: { meshbench.dev/entry: "true" } }',
  )
  assert.equal(findWorkload(file(marked)).entry, 'api')
  assert.equal(findWorkload(file(marked), { entry: 'web' }).entry, 'web')
  assert.throws(() => findWorkload(file(marked), { entry: 'wep' }), {
    code: 'WORKLOAD_ENTRY',
    message: 'web has no HTTP service named "wep" that load could enter at',
    hint: 'its HTTP services: web, api',
  })
})

test('two services that nobody calls: the candidates are named and one has to be chosen', () => {
  assert.throws(() => findWorkload(file(both + service('admin') + deployment('admin'))), {
    code: 'WORKLOAD_ENTRY',
    exitCode: 2,
    message: 'web has 2 services called by no other service: web, admin',
    hint: 'say which one gets the load: --entry web',
  })
})

test('objects arrive in the namespace without traces of the cluster they came from', () => {
  const objects = findWorkload(file(both)).manifests({
    namespace: 'mb-x',
    nodeSelector: { 'kubernetes.io/hostname': 'n1' },
  })
  assert.deepEqual(
    objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    [
      'ServiceAccount mb-x/shared',
      'Service mb-x/web',
      'Service mb-x/api',
      'Deployment mb-x/web',
      'Deployment mb-x/api',
    ],
  )
  assert.doesNotMatch(JSON.stringify(objects), /clusterIP|"uid"|resourceVersion|"status"/)
  const spec = objects[3]?.spec as { replicas: number; template: { spec: object } }
  assert.equal(spec.replicas, 3)
  assert.match(
    JSON.stringify(spec.template.spec),
    /"nodeSelector":\{"kubernetes.io\/hostname":"n1"\}/,
  )
})

test('replicas and answer sizes that were asked for overrule the file', () => {
  const workload = findWorkload(file(both))
  const [, , , web] = workload.manifests({ namespace: 'x', replicas: 2, responseBytes: 64 })
  assert.equal((web?.spec as { replicas: number } | undefined)?.replicas, 2)
  assert.match(JSON.stringify(web), /"RESPONSE_BYTES","value":"64"/)
  assert.doesNotMatch(JSON.stringify(web), /"RESPONSE_BYTES","value":"5"/)
})

test('load is not sent to a service that speaks gRPC, marked or asked for', () => {
  const grpc = both.replaceAll('http-web', 'grpc-web')
  const marked = grpc.replace(
    '{ name: api }',
    '{ name: api, annotations: { meshbench.dev/entry: "true" } }',
  )
  const path = file(marked)
  assert.throws(() => findWorkload(path), {
    code: 'WORKLOAD_FILE',
    message: `${path}:9:60: load is HTTP/1.1 and cannot enter at api: its first port is not http`,
    hint: 'let it enter at another Service: --entry NAME',
  })
  assert.equal(
    findWorkload(file(`${marked}${service('front')}`), { entry: 'front' }).entry,
    'front',
  )
  assert.throws(() => findWorkload(file(grpc), { entry: 'api' }), { code: 'WORKLOAD_ENTRY' })
})

test('every fault of a file is reported at once with its line and column', () => {
  const path = file(
    `${service('web')}${deployment('web', '[{"cal":{}}]')}${deployment('db', '[]', 'postgres:17')}---
kind: Deployment
metadata: {}
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: empty }
`,
  )
  assert.throws(() => findWorkload(path), {
    code: 'WORKLOAD_FILE',
    exitCode: 2,
    message: [
      `${path}:21:38: SCRIPT step 1: unknown command cal; known are call, ask, work, sleep`,
      `${path}:37:18: no program for the image "postgres:17"; known images: meshbench/service, meshbench/store`,
      `${path}:43:1: this Deployment has no metadata.name`,
      `${path}:46:1: this Deployment has no spec.template.spec.containers`,
    ].join('\n  '),
  })
})

test('kinds that have no effect and calls to strangers are warned of, not refused', () => {
  const path = file(
    `${both.replace(callsApi, '[{"call":{"service":"api"}},{"call":{"service":"ghost"}}]')}---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
---
apiVersion: v1
kind: Namespace
metadata: { name: web }
`,
  )
  assert.deepEqual(findWorkload(path).warnings, [
    `${path}:48:1: kind HorizontalPodAutoscaler is not used here; taken are Deployment, Service, ServiceAccount, ConfigMap, Secret`,
    `${path}:26:38: its script calls ghost, which is no Service of this file`,
  ])
})

test('a List, as kubectl get -o yaml writes it, is taken apart', () => {
  const items = both
    .split('---\n')
    .filter((part) => part !== '')
    .map((part) => `- ${part.trim().replaceAll('\n', '\n  ')}`)
  const workload = findWorkload(file(`apiVersion: v1\nkind: List\nitems:\n${items.join('\n')}\n`))
  assert.equal(workload.entry, 'web')
})

test('broken YAML is refused where it breaks, a missing file by its name', () => {
  const path = file('kind: Service\nmetadata: {name: web\n')
  assert.throws(() => findWorkload(path), new RegExp(`^WorkloadFileError: ${path}:3:1: `))
  assert.throws(() => findWorkload(join(scratch, 'none.yaml')), {
    message: `${join(scratch, 'none.yaml')} does not exist`,
    hint: 'name a YAML file, or one of echo, chain, fanout, shop',
  })
})
