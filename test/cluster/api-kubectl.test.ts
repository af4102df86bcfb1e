import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { availableParallelism, release } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { kubectlCluster } from '../support/kubectl.ts'

// What people type, with the kubectl of this machine as it is.
const MANIFEST = `
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {meshbench.dev/simulated: "true", kubernetes.io/hostname: n1}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: meshbench/service
        env: [{name: PORT, value: "8080"}]
        ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`

const { skip, directory, environment, kubectl, tryKubectl } = kubectlCluster(() =>
  writeFile(join(directory(), 'shop.yaml'), MANIFEST),
)

const shop = (...args: readonly string[]) => kubectl('-n', 'shop', ...args)

test('apply makes what a manifest says, and a rollout is waited for', {
  skip,
}, async () => {
  const made = await kubectl('apply', '-f', 'shop.yaml')
  assert.match(made, /deployment\.apps\/web created/)
  await shop('rollout', 'status', 'deployment/web', '--timeout=50s')
  assert.match(await kubectl('apply', '-f', 'shop.yaml'), /deployment\.apps\/web unchanged/)
  await shop('wait', '--for=condition=Available', 'deployment/web', '--timeout=20s')
  const ready = '--for=jsonpath={.status.readyReplicas}=2'
  await shop('wait', ready, 'deployment/web', '--timeout=20s')
})

test('get prints tables, documents, names and paths', { skip }, async () => {
  const table = await shop('get', 'pods', '-o', 'wide', '--show-labels')
  assert.match(table, /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE/)
  assert.match(table, /web-\S+ +1\/1 +Running +0 +\S+ +127\.\S+ +n1 .*app=web/)
  assert.match(await kubectl('get', 'pods', '-A'), /^NAMESPACE +NAME/)
  assert.match(await shop('get', 'deploy', 'web', '-o', 'yaml'), /^apiVersion: apps\/v1\n/)
  assert.equal(await shop('get', 'deploy', '-o', 'name'), 'deployment.apps/web\n')
  assert.equal(await shop('get', 'svc', 'web', '-o', 'jsonpath={.spec.ports[0].port}'), '80')
  const selected = JSON.parse(await shop('get', 'pods', '-l', 'app=web', '-o', 'json'))
  assert.equal(selected.items.length, 2)
  assert.match(await shop('get', 'all'), /service\/web.*deployment\.apps\/web.*replicaset/s)
})

test('describe and get events tell the story of a pod', { skip }, async () => {
  const described = await shop('describe', 'pods', '-l', 'app=web')
  for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started']) {
    assert.match(described, new RegExp(`Normal +${reason} `))
  }
  assert.match(await shop('describe', 'deployment', 'web'), /ScalingReplicaSet/)
  assert.match(await shop('get', 'events'), /replicaset\/web-\S+ +Created pod: web-/)
})

test('label, annotate and the three kinds of patch change an object', {
  skip,
}, async () => {
  await shop('label', 'deployment', 'web', 'tier=front')
  await shop('annotate', 'deployment', 'web', 'note=here')
  const patch = (type: string, body: unknown) =>
    shop('patch', 'deployment', 'web', `--type=${type}`, '-p', JSON.stringify(body))
  await patch('merge', { metadata: { labels: { merge: 'yes' } } })
  await patch('json', [{ op: 'add', path: '/metadata/labels/json', value: 'yes' }])
  await patch('strategic', { metadata: { labels: { strategic: 'yes' } } })
  const { labels, annotations } = JSON.parse(
    await shop('get', 'deployment', 'web', '-o', 'json'),
  ).metadata
  assert.deepEqual(labels, { tier: 'front', merge: 'yes', json: 'yes', strategic: 'yes' })
  assert.equal(annotations.note, 'here')
})

test('scale, rollout restart, history and undo', { skip }, async () => {
  await shop('scale', 'deployment/web', '--replicas=1')
  await shop('rollout', 'restart', 'deployment/web')
  await shop('rollout', 'status', 'deployment/web', '--timeout=50s')
  assert.match(await shop('rollout', 'history', 'deployment/web'), /^1 .*\n2 /m)
  await shop('rollout', 'undo', 'deployment/web')
  await shop('rollout', 'status', 'deployment/web', '--timeout=50s')
  assert.match(await shop('rollout', 'history', 'deployment/web'), /^2 .*\n3 /m)
})

test('applying on the server says whose field it is', { skip }, async () => {
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', 'shop.yaml')
  const other = ['apply', '--server-side', '--field-manager=other', '-f', 'other.yaml'] as const
  await writeFile(join(directory(), 'other.yaml'), MANIFEST.replace('replicas: 2', 'replicas: 3'))
  const refused = await tryKubectl(...other)
  assert.equal(refused.code, 1)
  assert.match(refused.errors, /conflict with "kubectl": \.spec\.replicas/)
  await kubectl(...other, '--force-conflicts')
  await shop('rollout', 'status', 'deployment/web', '--timeout=50s')
})

test('a mistaken field is refused before anything changes', { skip }, async () => {
  await writeFile(join(directory(), 'typo.yaml'), MANIFEST.replace('replicas: 2', 'replica: 9'))
  const { code, errors } = await tryKubectl('apply', '-f', 'typo.yaml')
  assert.equal(code, 1)
  assert.match(errors, /unknown field "spec\.replica"/)
})

test('create, expose, run and delete', { skip }, async () => {
  await shop('create', 'deployment', 'made', '--image=meshbench/service')
  await shop('create', 'service', 'clusterip', 'made', '--tcp=80:8080')
  await shop('create', 'configmap', 'made', '--from-literal=a=b')
  await shop('create', 'secret', 'generic', 'made', '--from-literal=a=b')
  await shop('create', 'serviceaccount', 'made')
  await shop('create', 'job', 'made', '--image=meshbench/service')
  await shop('create', 'poddisruptionbudget', 'made', '--selector=app=web', '--min-available=3')
  await shop('run', 'single', '--image=meshbench/service', '--restart=Never')
  const port = '{.spec.ports[0].targetPort}'
  assert.equal(await shop('get', 'service', 'made', '-o', `jsonpath=${port}`), '8080')
  await shop('delete', 'deployment', 'made', '--cascade=foreground', '--timeout=30s')
  assert.equal(await shop('get', 'pods', '-l', 'app=made', '-o', 'name'), '')
  await shop('delete', 'job/made', 'pod/single', 'service/made', '--timeout=30s')
})

test('a budget holds back the eviction of the pods it covers', { skip }, async () => {
  const healthy = '--for=jsonpath={.status.currentHealthy}=3'
  await shop('wait', healthy, 'poddisruptionbudget/made', '--timeout=30s')
  const drain = ['drain', 'n1', '--pod-selector=app=web', '--timeout=3s'] as const
  const refused = await tryKubectl(...drain)
  assert.match(refused.errors, /violate the pod's disruption budget/)
  await kubectl('uncordon', 'n1')
  await shop('delete', 'poddisruptionbudget', 'made')
})

test('sets of both kinds are changed, and taken back to what they were', {
  skip,
}, async () => {
  const spec = {
    selector: { matchLabels: { app: 'set' } },
    template: {
      metadata: { labels: { app: 'set' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'app', image: 'meshbench/service' }],
      },
    },
  }
  for (const kind of ['DaemonSet', 'StatefulSet']) {
    const metadata = { name: 'set', namespace: 'shop' }
    await writeFile(
      join(directory(), 'set.json'),
      JSON.stringify({ apiVersion: 'apps/v1', kind, metadata, spec }),
    )
    const set = `${kind.toLowerCase()}/set`
    await kubectl('create', '-f', 'set.json')
    await shop('rollout', 'status', set, '--timeout=50s')
    await shop('set', 'env', set, 'COLOUR=blue')
    await shop('rollout', 'status', set, '--timeout=50s')
    assert.match(await shop('rollout', 'history', set), /^1 .*\n2 /m)
    assert.match(await shop('rollout', 'history', set, '--revision=2'), /COLOUR:\s+blue/)
    await shop('rollout', 'undo', set)
    await shop('rollout', 'status', set, '--timeout=50s')
    assert.equal(await shop('get', set, '-o', 'jsonpath={..env}'), '')
    assert.match(await shop('rollout', 'history', set), /^2 .*\n3 /m)
    await shop('delete', set, '--timeout=30s')
  }
})

test('a token of a service account opens the cluster until it expires', {
  skip,
}, async () => {
  await shop('create', 'serviceaccount', 'robot')
  const token = (await shop('create', 'token', 'robot', '--duration=15m')).trim()
  const names = await shop('--token', token, 'get', 'serviceaccounts', '-o', 'name')
  assert.match(names, /serviceaccount\/robot/)
  const short = await tryKubectl('-n', 'shop', 'create', 'token', 'robot', '--duration=1m')
  assert.match(short.errors, /may not specify a duration less than 10 minutes/)
  const forged = `${token.slice(0, -2)}xx`
  assert.equal((await tryKubectl('--token', forged, 'get', 'pods')).code, 1)
})

test('top reads what containers use from their processes', { skip }, async () => {
  const table = await shop('top', 'pod', '--containers')
  assert.match(table, /web-\S+ +app +\d+m +[1-9]\d*Mi/)
  assert.match(await kubectl('top', 'node'), /n1 +\d+m +\d+% +\d+Mi +\d+%/)
})

test('a node is as large as this machine, and alive', { skip }, async () => {
  const described = await kubectl('describe', 'node', 'n1')
  assert.match(described, new RegExp(`^ +cpu: +${availableParallelism()}$`, 'm'))
  assert.match(described, /^ +Ready +True +\w+, \d+ \w+ 20\d\d/m, 'the heartbeat')
  assert.match(described, /^ +shop +web-\S+ +0 \(0%\) +0 \(0%\) +0 \(0%\)/m)
  const [, row = ''] = (await kubectl('get', 'nodes', '-o', 'wide')).split('\n')
  assert.match(row, /^n1 +Ready .* 127\.0\.0\.1 /)
  assert.ok(row.includes(` ${release()} (`), row)
})

test('watching shows changes, following a log shows lines', { skip }, async () => {
  const args = ['-n', 'shop', 'get', 'pods', '-l', 'app=watched', '-w', '-o', 'name']
  const watcher = spawn('kubectl', args, { env: environment() })
  const seen = new Promise<string>((resolve) => {
    watcher.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
  })
  await shop('run', 'watched', '--image=meshbench/service', '--labels=app=watched')
  assert.match(await seen, /pod\/watched/)
  watcher.kill()
  await shop('wait', '--for=condition=Ready', 'pod/watched', '--timeout=30s')
  // With the requests it makes on stderr: the pod may go only once the log is being followed.
  const follower = spawn('kubectl', ['-n', 'shop', 'logs', '-f', '-v=6', 'watched'], {
    env: environment(),
  })
  const ended = new Promise<number | null>((resolve) => follower.once('exit', resolve))
  const following = new Promise<void>((resolve) => {
    let requests = ''
    follower.stderr.on('data', (chunk: Buffer) => {
      requests += chunk.toString()
      if (/log\?\S*follow=true\S* 200 OK/.test(requests)) resolve()
    })
  })
  await following
  await shop('delete', 'pod', 'watched', '--timeout=30s')
  assert.equal(await ended, 0, 'the log ends with the container')
})

test('discovery, permissions and explanations', { skip }, async () => {
  assert.match(await kubectl('api-resources'), /deployments +deploy +apps\/v1 +true +Deployment/)
  assert.match(await kubectl('auth', 'can-i', 'delete', 'pods'), /^yes/)
  assert.match(await kubectl('auth', 'can-i', '--list'), /\*\.\*/)
  assert.match(await kubectl('explain', 'deployment.spec.replicas'), /FIELD: replicas <integer>/)
  assert.match(await kubectl('get', 'crd'), /virtualservices\.networking\.istio\.io/)
  assert.match(await kubectl('-n', 'istio-system', 'get', 'deploy,ds'), /istiod +1\/1/)
})

test('a namespace goes with everything in it', { skip }, async () => {
  await kubectl('delete', 'namespace', 'shop', '--timeout=60s')
  assert.equal((await tryKubectl('get', 'namespace', 'shop')).code, 1)
})
