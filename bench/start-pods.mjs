// How long many meshed pods take to be ready on this machine, all asked for at once:
//   npm run bench:pods            or: node bench/start-pods.mjs [PODS] [MODE]
// Its requirement on two cores: 50 pods with sidecars, which is 100 processes, within 45 s.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectCluster } from '../dist/cluster/client/connect.js'
import { startEmbeddedCluster } from '../dist/cluster/embedded/index.js'
import { readProcesses } from '../dist/cluster/embedded/process-counters.js'
import { descendantsOf } from '../dist/test/support/process-tree.js'

const pods = Number(process.argv[2] ?? 50)
const mode = process.argv[3] ?? 'sidecar'
const perDeployment = 5
const maxSeconds = 45
const labels =
  mode === 'sidecar'
    ? { 'istio-injection': 'enabled' }
    : mode === 'ambient'
      ? { 'istio.io/dataplane-mode': 'ambient' }
      : {}
const directory = mkdtempSync(join(tmpdir(), 'meshbench-pods-'))
const cluster = await startEmbeddedCluster({ directory })
try {
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  for (const name of ['node-1', 'node-2']) {
    const own = { 'meshbench.dev/simulated': 'true', 'kubernetes.io/hostname': name }
    const metadata = { name, labels: { ...own, 'meshbench.dev/ztunnel': 'true' } }
    await client.create({ apiVersion: 'v1', kind: 'Node', metadata })
  }
  await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'many', labels } })
  const begun = performance.now()
  const cpu = process.cpuUsage()
  for (let index = 0; index * perDeployment < pods; index += 1) {
    const replicas = Math.min(perDeployment, pods - index * perDeployment)
    for (const object of service(`app-${index}`, replicas)) await client.create(object)
  }
  const seconds = () => (performance.now() - begun) / 1000
  let told = 0
  for (;;) {
    const all = await client.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'many' })
    const ready = all.filter(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    ).length
    if (ready >= told + pods / 5 || ready === pods) {
      told = ready
      console.log(`${ready} of ${pods} ready after ${seconds().toFixed(1)} s`)
    }
    if (ready === pods) break
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const took = seconds()
  const children = descendantsOf(process.pid)
  const { user, system } = process.cpuUsage(cpu)
  const childUs = [...readProcesses(children).values()].reduce((sum, { cpuUs }) => sum + cpuUs, 0)
  const spent = (us) => `${(us / 1e6).toFixed(1)} s`
  console.log(
    `${children.length} processes; CPU: ${spent(user + system)} of the cluster, ${spent(childUs)} of its children`,
  )
  const within = took <= maxSeconds || pods !== 50
  console.log(`verdict: ${took.toFixed(1)} s, ${within ? 'within' : 'OVER'} ${maxSeconds} s`)
  process.exitCode = within ? 0 : 1
} finally {
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
}

function service(name, replicas) {
  const metadata = { name, namespace: 'many', labels: { app: name } }
  const container = {
    name: 'app',
    image: 'meshbench/service',
    env: [{ name: 'PORT', value: '8080' }],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
  }
  const template = { metadata: { labels: { app: name } }, spec: { containers: [container] } }
  const selector = { matchLabels: { app: name } }
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas, selector, template },
    },
  ]
}
