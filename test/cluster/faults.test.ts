import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { KubeConfig } from '@kubernetes/client-node'
import { connectCluster } from '../../cluster/client/connect.ts'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { eventually, get, getText } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  pidOf,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { clientAndTarget, images, serviceOf } from '../fixtures/shop.ts'

interface Event extends KubeObject {
  readonly reason: string
  readonly message: string
  readonly type: string
  readonly involvedObject: { readonly name: string }
}

const linuxOnly = { skip: process.platform !== 'linux' && 'needs /dev/full and /proc' }

function eventOf(core: RunningCore, about: Pod | undefined, reason: string): Promise<Event> {
  return core.until(`event ${reason}`, kinds.event, () =>
    core.store
      .list<Event>(kinds.event)
      .find(
        (event) => event.reason === reason && event.involvedObject.name === about?.metadata.name,
      ),
  )
}

test(
  'a full log disk costs lines, not pods, and is told once as an event',
  linuxOnly,
  async (t) => {
    const core = await runningCore(t)
    core.store.create(namespaceObject('shop'))
    const log = join(core.logDirectory, 'shop_talker', 'app')
    await mkdir(log, { recursive: true })
    await symlink('/dev/full', join(log, '0.log'))
    core.store.create(nodeObject('one'))
    const { spec } = appObject('shop', 'app').spec.template
    core.store.create({ ...kinds.pod, metadata: { name: 'talker', namespace: 'shop' }, spec })
    const pod = await core.until('a ready pod', kinds.pod, () =>
      core
        .pods('shop')
        .find(({ status }) =>
          status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
        ),
    )
    const { message, type } = await eventOf(core, pod, 'LogNotWritten')
    assert.equal(type, 'Warning')
    assert.match(message, /container app is being lost: ENOSPC/)
  },
)

test('a killed application is told as an event, and its pod goes on', async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'app'))
  const [pod] = await core.untilReady('shop', 'app', 1)
  assert.ok(pod)
  process.kill(pidOf(pod), 'SIGKILL')
  const { message } = await eventOf(core, pod, 'Exited')
  assert.match(message, /^Container app exited with code 137$/)
  await core.until('another process', kinds.pod, () => {
    const [now] = core.pods('shop', 'app')
    return now !== undefined && now.status?.containerStatuses?.[0]?.restartCount === 1
  })
  await core.untilReady('shop', 'app', 1)
})

test('a pod that has gone leaves neither its log nor a descriptor of it', linuxOnly, async (t) => {
  const core = await runningCore(t)
  const logsOpen = (): string[] =>
    readdirSync('/proc/self/fd').flatMap((name) => {
      try {
        const target = readlinkSync(`/proc/self/fd/${name}`)
        return target.startsWith(core.logDirectory) ? [target] : []
      } catch {
        return []
      }
    })
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'app', { replicas: 2 }))
  await core.untilReady('shop', 'app', 2)
  assert.equal(logsOpen().length, 2)
  core.store.delete({ ...kinds.deployment, name: 'app', namespace: 'shop' })
  await core.until('no pods', kinds.pod, () => core.pods('shop').length === 0)
  for (let waits = 0; waits < 100 && logsOpen().length > 0; waits += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.deepEqual(logsOpen(), [])
  assert.deepEqual(readdirSync(core.logDirectory), [])
})

test('a jump of the clock is told, certificates are issued anew, and traffic goes on', async (t) => {
  let wallMs = 0
  const core = await runningCore(t, {
    images,
    clock: { wallMs: () => wallMs, monotonicMs: () => 0 },
  })
  core.store.create(nodeObject('client', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(nodeObject('server', { 'meshbench.dev/ztunnel': 'true' }))
  core.store.create(namespaceObject('shop', { 'istio.io/dataplane-mode': 'ambient' }))
  const { client } = await clientAndTarget(core)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const service = await serviceOf(core, client)
  await eventually(service.host, service.port)
  const before = await certificateOf(core)
  wallMs = -3_600_000
  const event = await core.until('event ClockJumped', kinds.event, () =>
    core.store.list<Event>(kinds.event).find(({ reason }) => reason === 'ClockJumped'),
  )
  assert.match(event.message, /^The clock went back by 3600 s; /)
  for (let waits = 0; waits < 200 && (await certificateOf(core)) === before; waits += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.notEqual(await certificateOf(core), before)
  await get(service.host, service.port)
})

/** The first certificate of some ztunnel. */
async function certificateOf(core: RunningCore): Promise<string> {
  const [ztunnel] = core.pods('istio-system', 'ztunnel')
  const dump = await getText(ztunnel?.status?.podIP ?? '', 15000, '/config_dump')
  return JSON.parse(dump).certificates[0].certChain
}

test('a client that never reads its watch is told of as an event', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-faults-'))
  const cluster = await startEmbeddedCluster({ directory })
  t.after(async () => {
    await cluster.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  const configText = await readFile(cluster.kubeconfigPath, 'utf8')
  const config = new KubeConfig()
  config.loadFromString(configText)
  const options: RequestOptions = { agent: false, headers: { 'user-agent': 'deaf/1' } }
  await config.applyToHTTPSOptions(options)
  const { server = '' } = config.getCurrentCluster() ?? {}
  const watching = new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(`${server}/api/v1/namespaces/default/configmaps?watch=1`, options)
    asked.once('response', resolve).once('error', reject).end()
  })
  const deaf = await watching
  deaf.on('error', () => undefined)
  t.after(async () => void deaf.destroy())
  const loud = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'loud', namespace: 'default' },
  }
  await client.create({ ...loud, data: {} })
  let found: Event | undefined
  for (let round = 0; round < 300 && found === undefined; round += 1) {
    await client.patch({ ...loud, ...loud.metadata }, 'merge', {
      data: { noise: String(round).repeat(100_000) },
    })
    const events = await client.list<Event>(kinds.event, { namespace: 'default' })
    found = events.find(({ reason }) => reason === 'WatchDropped')
  }
  assert.match(
    found?.message ?? 'no event',
    /^Cut off: the client deaf\/1 did not read its watch of configmaps in default$/,
  )
})
