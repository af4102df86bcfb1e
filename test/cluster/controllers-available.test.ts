import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type DaemonSet,
  type Deployment,
  kinds,
  type Pod,
  type StatefulSet,
} from '../../cluster/kinds.ts'
import { appObject, namespaceObject, nodeObject, runningCore } from '../fixtures/running-core.ts'

const minReadySeconds = 2

/** To the second before, as conditions have no fractions. */
function youngestReadyMs(pods: readonly Pod[]): number {
  return Math.max(
    ...pods.map(({ status }) =>
      Date.parse(
        status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '',
      ),
    ),
  )
}

test('a deployment counts pods as available, and goes on, once they were ready for minReadySeconds', async (t) => {
  const core = await runningCore(t)
  core.store.create(namespaceObject('shop'))
  core.store.create(nodeObject('n1'))
  const app = appObject('shop', 'web', { replicas: 2 })
  const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  core.store.create<Deployment>({ ...app, spec: { ...app.spec, strategy, minReadySeconds } })
  const status = () =>
    core.store.list<Deployment>(kinds.deployment, { namespace: 'shop' })[0]?.status
  const available = () => status()?.availableReplicas === 2 && status()?.readyReplicas === 2
  await core.until('two ready pods', kinds.deployment, () => status()?.readyReplicas === 2)
  assert.equal(status()?.availableReplicas, 0)
  assert.equal(status()?.conditions?.find(({ type }) => type === 'Available')?.status, 'False')
  await core.until('two available pods', kinds.deployment, available)
  const before = core.pods('shop', 'web')
  assert.ok(Date.now() >= youngestReadyMs(before) + minReadySeconds * 1_000)

  core.store.mutate<Deployment>(
    { ...kinds.deployment, name: 'web', namespace: 'shop' },
    (found) => {
      const { metadata } = found.spec.template
      const template = {
        ...found.spec.template,
        metadata: { ...metadata, annotations: { v: '2' } },
      }
      return { ...found, spec: { ...found.spec, template } }
    },
  )
  const isOld = ({ metadata }: Pod): boolean =>
    before.some((one) => one.metadata.uid === metadata.uid)
  // The second new pod is made when the first is available, and the last old one goes when both are.
  const first = await core.until('a new pod', kinds.pod, () =>
    core.pods('shop', 'web').find((pod) => !isOld(pod)),
  )
  await core.until('the second new pod', kinds.pod, () => {
    const now = core.pods('shop', 'web').filter((pod) => !isOld(pod))
    return now.length === 2
  })
  const [settled] = core
    .pods('shop', 'web')
    .filter(({ metadata }) => metadata.uid === first.metadata.uid)
  assert.ok(settled && Date.now() >= youngestReadyMs([settled]) + minReadySeconds * 1_000)
  await core.until('no old pods', kinds.pod, () => !core.pods('shop', 'web').some(isOld))
  await core.until('two available pods', kinds.deployment, available)
})

test('so do stateful sets and daemon sets', async (t) => {
  const core = await runningCore(t)
  core.store.create(namespaceObject('shop'))
  core.store.create(nodeObject('n1'))
  const { template } = appObject('shop', 'x').spec
  const labelled = (app: string) => ({
    minReadySeconds,
    selector: { matchLabels: { app } },
    template: { ...template, metadata: { labels: { app } } },
  })
  const metadata = (name: string) => ({ name, namespace: 'shop' })
  core.store.create<StatefulSet>({
    ...kinds.statefulSet,
    metadata: metadata('db'),
    spec: { ...labelled('db'), replicas: 2, serviceName: 'db' },
  })
  core.store.create<DaemonSet>({
    ...kinds.daemonSet,
    metadata: metadata('agent'),
    spec: labelled('agent'),
  })
  const db = () => core.store.list<StatefulSet>(kinds.statefulSet)[0]?.status
  const agent = () =>
    core.store.list<DaemonSet>(kinds.daemonSet).find((one) => one.metadata.name === 'agent')?.status
  await core.until('a ready agent', kinds.daemonSet, () => agent()?.numberReady === 1)
  assert.equal(agent()?.numberAvailable, 0)
  await core.until('a ready database', kinds.statefulSet, () => db()?.readyReplicas === 1)
  assert.deepEqual([db()?.availableReplicas, db()?.replicas], [0, 1])
  await core.until('the second database', kinds.statefulSet, () => db()?.replicas === 2)
  const [first] = core.pods('shop', 'db').filter((pod) => pod.metadata.name === 'db-0')
  assert.ok(first && Date.now() >= youngestReadyMs([first]) + minReadySeconds * 1_000)
  await core.until('an available agent', kinds.daemonSet, () => agent()?.numberAvailable === 1)
  await core.until('both available', kinds.statefulSet, () => db()?.availableReplicas === 2)
})
