import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  pidOf,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'

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
