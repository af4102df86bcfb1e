import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import { takeSnapshot } from '../../migration/inventory/take-snapshot.ts'
import { ztunnelDump } from '../../migration/inventory/ztunnel-dump.ts'
import { decideIntent } from '../../migration/plan/decide-intent.ts'
import { runChecks } from '../../migration/preflight/run-checks.ts'
import { appObject, namespaceObject, nodeObject, serviceObject } from '../fixtures/running-core.ts'
import { images } from '../fixtures/shop.ts'
import { readyPods } from '../support/ready-pods.ts'
import { planOptions } from '../support/snapshots.ts'

test('the embedded mesh is read as a real one is, and nothing falsely stands in the way', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-checks-'))
  const cluster = await startEmbeddedCluster({ directory, images })
  t.after(async () => {
    await cluster.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
  await client.create(nodeObject('one', { 'meshbench.dev/ztunnel': 'true' }))
  await client.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  await client.create(namespaceObject('calm', { 'istio.io/dataplane-mode': 'ambient' }))
  for (const namespace of ['shop', 'calm']) {
    await client.create(serviceObject(namespace, 'web'))
    await client.create(appObject(namespace, 'web'))
  }
  await readyPods(client, 'shop', 1)
  const [captured] = await readyPods(client, 'calm', 1)
  const [ztunnel] = await readyPods(client, 'istio-system', 1)

  const snapshot = await takeSnapshot(client, { namespaces: ['shop'] })
  const intent = decideIntent(snapshot, { ...planOptions, waypoint: 'always' })
  const results = runChecks({ snapshot, intent })
  const blockers = results.flatMap(({ findings }) =>
    findings.filter(({ severity }) => severity === 'blocker'),
  )
  assert.deepEqual(blockers, [])
  const unread = results.flatMap(({ id, outcome, why }) =>
    outcome === 'not-evaluated' ? [`${id} ${why}`] : [],
  )
  assert.deepEqual(unread, [
    'MB022 no call was tried with dryRun=All: that needs the cluster',
    'MB026 there is no earlier plan to compare with: name one with --plan; apply always compares',
  ])
  assert.match(snapshot.probes.callersBasis('shop'), /^metrics of 1 of 1 proxies of shop/)
  const status = results.find(({ id }) => id === 'MB030')?.findings
  assert.match(
    status?.[0]?.reason ?? '',
    /^1 pod of 1 workload is taken over from its sidecar while it runs/,
  )

  assert.ok(ztunnel && captured)
  const place = { namespace: 'istio-system', name: ztunnel.metadata.name }
  const dump = await ztunnelDump(client, place)
  const { name, uid = '' } = captured.metadata
  const pod = { namespace: 'calm', name, uid }
  assert.deepEqual(
    [dump.workload(pod)?.protocol, dump.workload(pod)?.nativeTunnel, dump.state(pod)],
    ['HBONE', false, 'Up'],
  )
  assert.equal(dump.state({ namespace: 'shop', name: 'web-none', uid: 'none' }), undefined)
})
