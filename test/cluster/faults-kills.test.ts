import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import { type ContainerStatus, kinds, type Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { generatorImage, generatorImages } from '../../harness/deploy/generator-image.ts'
import { findWorkload } from '../../harness/deploy/workload.ts'
import type { Mode } from '../../harness/modes.ts'
import { type Playground, startPlayground } from '../../harness/playground/start.ts'
import { eventually } from '../soak/settled.ts'
import { commandLine, descendantsOf, isAlive } from '../support/process-tree.ts'

// A workload under light load as `meshbench up` keeps it, of which every kind of child is killed once.

const skip = process.platform === 'linux' ? false : 'looks at processes through /proc'

interface Event extends KubeObject {
  readonly reason: string
  readonly message: string
  readonly type: string
  readonly involvedObject: { readonly uid?: string; readonly fieldPath?: string }
}

interface Victim {
  readonly who: string
  readonly labelSelector: string
  /** @default the workload's */
  readonly namespace?: string
  /** @default istio-proxy */
  readonly container?: string
}

const victims: Readonly<Partial<Record<Mode, readonly Victim[]>>> = {
  sidecar: [
    { who: 'an application', labelSelector: 'app=backend', container: 'app' },
    { who: 'a sidecar', labelSelector: 'app=backend' },
    { who: 'the load generator', labelSelector: 'app=load', container: 'load' },
  ],
  waypoint: [
    { who: 'a ztunnel', labelSelector: 'app=ztunnel', namespace: 'istio-system' },
    { who: 'the waypoint', labelSelector: 'gateway.networking.k8s.io/gateway-name' },
  ],
}

for (const [mode, all] of Object.entries(victims)) {
  test(`in ${mode} mode every child that is killed is told of, replaced and leaves nothing`, {
    skip,
  }, async (t) => {
    const { client, playground, stop } = await startShop(t, mode as Mode)
    const everybody = new Set<number>()
    for (const { who, ...victim } of all) {
      await t.test(who, async () => {
        await loadFlows(playground)
        for (const pid of descendantsOf(process.pid)) everybody.add(pid)
        await killOnce(client, { namespace: playground.namespace, ...victim })
        await loadFlows(playground)
      })
    }
    for (const pid of descendantsOf(process.pid)) everybody.add(pid)
    await stop()
    assert.deepEqual([...everybody].filter(isAlive).map(commandLine), [])
  })
}

async function killOnce(client: ClusterClient, victim: Omit<Victim, 'who'>): Promise<void> {
  const { container = 'istio-proxy', labelSelector, namespace = '' } = victim
  const before = await containersOf(client)
  const children = descendantsOf(process.pid)
  const [found] = await client.list<Pod>(kinds.pod, { namespace, labelSelector })
  assert.ok(found, labelSelector)
  const look = async (): Promise<ContainerStatus | undefined> => {
    const pod = await client.get<Pod>({ ...kinds.pod, ...found.metadata })
    return pod && statusesOf(pod).find(({ name }) => name === container)
  }
  const old = await look()
  assert.deepEqual([old?.restartCount, old?.lastState], [0, {}])
  const pid = pidOf(old)
  process.kill(pid, 'SIGKILL')
  let now: ContainerStatus | undefined
  await eventually('another run that is ready', async () => {
    now = await look()
    return now?.restartCount === 1 && now.ready && now.state.running !== undefined
  })

  const { startedAt, finishedAt, ...terminated } = now?.lastState.terminated ?? {}
  assert.deepEqual(terminated, {
    exitCode: 137,
    signal: 9,
    reason: 'Error',
    containerID: `process://${pid}`,
  })
  assert.equal(startedAt, old?.state.running?.startedAt)
  assert.ok(Date.parse(finishedAt ?? '') >= Date.parse(startedAt ?? ''))

  const events = (await client.list<Event>(kinds.event, { namespace })).filter(
    ({ involvedObject: { uid, fieldPath }, reason }) =>
      reason === 'Exited' &&
      uid === found.metadata.uid &&
      fieldPath?.endsWith(`{${container}}`) === true,
  )
  assert.deepEqual(
    events.map(({ type, message }) => [type, message]),
    [['Warning', `Container ${container} exited with code 137`]],
  )

  const key = `${found.metadata.uid} ${container}`
  const others = (all: ReadonlyMap<string, string>) => [...all].filter(([of]) => of !== key)
  assert.deepEqual(others(await containersOf(client)), others(before), 'nobody else was restarted')
  const replaced = children.map((child) => (child === pid ? pidOf(now) : child))
  assert.deepEqual(descendantsOf(process.pid).toSorted(), replaced.toSorted())
}

/** Every container of the cluster, and which process it is. */
async function containersOf(client: ClusterClient): Promise<ReadonlyMap<string, string>> {
  const pods = await client.list<Pod>(kinds.pod)
  return new Map(
    pods.flatMap((pod) =>
      statusesOf(pod).map(({ name, containerID = '' }) => [
        `${pod.metadata.uid} ${name}`,
        containerID,
      ]),
    ),
  )
}

function statusesOf({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
}

function pidOf(status: ContainerStatus | undefined): number {
  return Number(status?.containerID?.replace('process://', ''))
}

/** The load tells once a second of its last seconds: from now on of answers and nothing else. */
function loadFlows(playground: Playground): Promise<void> {
  const known = playground.load()
  return eventually('load without failures', async () => {
    const load = playground.load()
    if (load === undefined || load === known) return false
    return load.ok > 0 && Object.keys(load.failures).length === 0
  })
}

async function startShop(t: TestContext, mode: Mode) {
  const directory = await mkdtemp(join(tmpdir(), 'mb-kills-'))
  const cluster = await startEmbeddedCluster({ directory, images: generatorImages })
  const over = new AbortController()
  const stop = async (): Promise<void> => {
    over.abort()
    await cluster.stop()
  }
  t.after(async () => {
    await stop()
    await rm(directory, { recursive: true, force: true })
  })
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  const playground = await startPlayground(client, {
    workload: findWorkload('chain'),
    mode,
    ratePerSecond: 20,
    replicas: null,
    generatorImage,
    onProgress: () => undefined,
    signal: over.signal,
  })
  return { client, playground, stop }
}
