import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { takeSnapshot } from '../../migration/inventory/take-snapshot.ts'
import { decideIntent } from '../../migration/plan/decide-intent.ts'
import { runChecks } from '../../migration/preflight/run-checks.ts'
import { eventually, get } from '../fixtures/http-get.ts'
import { type Migrating, migrating } from '../fixtures/migrating.ts'
import {
  appObject,
  namespaceObject,
  type RunningCore,
  serviceObject,
} from '../fixtures/running-core.ts'
import { hostOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'
import { planOptions } from '../support/snapshots.ts'

const gate = { intervals: 2, intervalMs: 300, maxErrorRate: 0.01, leastRequests: 20 }
const callers = {
  old: { 'istio-injection': 'enabled' },
  calm: { 'istio.io/dataplane-mode': 'ambient' },
} as const

function configureMesh(core: RunningCore, proxyMetadata: string): void {
  const mesh = `trustDomain: cluster.local\ndefaultConfig: { proxyMetadata: ${proxyMetadata} }\n`
  const map = { apiVersion: 'v1', kind: 'ConfigMap', name: 'istio', namespace: 'istio-system' }
  core.store.mutate(map, (current) => ({ ...current, data: { mesh } }))
}

/** Callers of two other namespaces, and where they find `target.shop`. */
async function callersOf(core: RunningCore): Promise<Record<keyof typeof callers, string>> {
  const addresses = { old: '', calm: '' }
  for (const namespace of ['old', 'calm'] as const) {
    core.store.create(namespaceObject(namespace, callers[namespace]))
    const caller = appObject(namespace, 'caller', { node: 'client' })
    const { metadata, spec } = caller.spec.template
    const annotations = { 'meshbench.dev/calls': 'target.shop' }
    const template = { metadata: { ...metadata, annotations }, spec }
    core.store.create({ ...caller, spec: { ...caller.spec, template } })
    const [pod] = await core.untilReady(namespace, 'caller', 1)
    addresses[namespace] = hostOf(core, pod)
  }
  return addresses
}

async function deafSidecars({ client }: Migrating) {
  const snapshot = await takeSnapshot(client, { namespaces: ['shop'] })
  const intent = decideIntent(snapshot, { ...planOptions, restartWorkloads: true })
  const results = runChecks({ snapshot, intent })
  return results.find(({ id }) => id === 'MB031')?.findings.map(({ severity }) => severity)
}

test('S3: sidecars from before the ambient profile learn HBONE by a restart, and ambient callers reach them under STRICT', async (t) => {
  const stage = await migrating(t, { istioSemantics: true })
  const { core, client } = stage
  configureMesh(core, '{}')
  core.store.create({
    ...kinds.peerAuthentication,
    metadata: { name: 'default', namespace: 'shop' },
    spec: { mtls: { mode: 'STRICT' } },
  })
  core.store.create(serviceObject('shop', 'target'))
  core.store.create(appObject('shop', 'target', { node: 'server', replicas: 2 }))
  await core.untilReady('shop', 'target', 2)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const addresses = await callersOf(core)
  await eventually(addresses.old, 80)
  await assert.rejects(get(addresses.calm, 80))
  configureMesh(core, '{ ISTIO_META_ENABLE_HBONE: "true" }')
  assert.deepEqual(await deafSidecars(stage), ['blocker'])

  const load = new SteadyLoad({ host: addresses.old, port: 80 })
  t.after(() => load.stop())
  await load.more(150)
  const plan = await stage.plan({ restartWorkloads: true })
  const done = await applyPlan(client, plan, {
    journalDirectory: stage.journals,
    readDrift: () => stage.drift(plan),
    gate,
    pauseAfter: 'S3',
  })
  assert.equal(done.outcome, 'paused', done.reason)
  const evidence = done.steps.find(({ id }) => id === 'S3/shop')?.evidence.join('\n') ?? ''
  assert.match(evidence, /2 sidecars of shop with networking\.istio\.io\/tunnel=http/)
  await eventually(addresses.calm, 80)
  assert.deepEqual(await deafSidecars(stage), [])
  await load.more(150)
  assert.deepEqual((await load.stop()).failures, [])
  assert.deepEqual(core.notices, [])
})
