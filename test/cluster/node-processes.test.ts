import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import { kinds } from '../../cluster/kinds.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  pidOf,
  runningCore,
} from '../fixtures/running-core.ts'

/** A killed child stays a zombie until somebody reaps it. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function allGone(pids: readonly number[], withinMs: number): Promise<number[]> {
  const deadlineMs = Date.now() + withinMs
  while (pids.some(isAlive) && Date.now() < deadlineMs) await delay(20)
  return pids.filter(isAlive)
}

const linuxOnly = { skip: process.platform !== 'linux' && 'reads /proc' }

test('no child outlives a parent that is killed', linuxOnly, async (t) => {
  const logs = await mkdtemp(join(tmpdir(), 'mb-doomed-'))
  t.after(() => rm(logs, { recursive: true }))
  const parent = fork(join(import.meta.dirname, '../fixtures/doomed-cluster.js'), [logs], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [pids] = (await once(parent, 'message')) as [number[]]
  assert.equal(pids.length, 3)
  assert.ok(pids.every(isAlive))
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  assert.deepEqual(await allGone(pids, 2_000), [])
})

test('stopping ends every process, also those that ignore SIGTERM', linuxOnly, async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'meek', { replicas: 2 }))
  core.store.create(appObject('shop', 'stubborn', { env: { IGNORE_SIGTERM: 'true' } }))
  const pods = [
    ...(await core.untilReady('shop', 'meek', 2)),
    ...(await core.untilReady('shop', 'stubborn', 1)),
  ]
  await core.stop()
  assert.deepEqual(pods.map(pidOf).filter(isAlive), [])
})

test('an embedded cluster leaves nothing but logs', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-embedded-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const cluster = await startEmbeddedCluster({ directory })
  assert.equal((await stat(cluster.kubeconfigPath)).mode & 0o777, 0o600)
  const server = /server: "?https:\/\/127\.0\.0\.1:(\d+)/.exec(
    readFileSync(cluster.kubeconfigPath, 'utf8'),
  )
  const port = Number(server?.[1])
  await cluster.stop()
  await cluster.stop()
  assert.equal(existsSync(cluster.kubeconfigPath), false)
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
})

test('a node that is deleted takes its pods along', linuxOnly, async (t) => {
  const core = await runningCore(t)
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop'))
  core.store.create(appObject('shop', 'app'))
  const [pod] = await core.untilReady('shop', 'app', 1)
  assert.ok(pod)
  core.store.delete({ ...kinds.node, name: 'one' })
  await core.until('a pod that has nowhere to run', kinds.pod, () =>
    core
      .pods('shop', 'app')
      .some(({ metadata, spec }) => metadata.uid !== pod.metadata.uid && !spec.nodeName),
  )
  assert.deepEqual(await allGone([pidOf(pod)], 5_000), [])
})
