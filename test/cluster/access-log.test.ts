import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type ConfigMap, kinds, type Pod } from '../../cluster/kinds.ts'
import { meshKinds } from '../../cluster/mesh/istio-objects.ts'
import type { Condition } from '../../cluster/objects.ts'
import { eventually, getText } from '../fixtures/http-get.ts'
import {
  appObject,
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
  serviceObject,
} from '../fixtures/running-core.ts'
import { images } from '../fixtures/shop.ts'

/** What `kubectl logs POD -c istio-proxy` shows. */
function logOf(core: RunningCore, pod: Pod): string {
  const runner = core.agents.runners().find(({ uid }) => uid === pod.metadata.uid)
  return readFileSync(runner?.logPath('istio-proxy', 0) ?? '', 'utf8')
}

function setMesh(core: RunningCore, mesh: string): void {
  const ref = { ...kinds.configMap, name: 'istio', namespace: 'istio-system' }
  if (core.store.get(ref)) {
    core.store.mutate<ConfigMap>(ref, (map) => ({ ...map, data: { ...map.data, mesh } }))
  } else {
    core.store.create({
      ...kinds.configMap,
      metadata: { name: ref.name, namespace: ref.namespace },
      data: { mesh },
    })
  }
}

/** Proxies learn of a change a moment later, and lines leave in batches. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadlineMs, `waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}

test('F: the mesh configuration switches the access log of running sidecars, a Telemetry overrides it', async (t) => {
  const core = await runningCore(t, { images })
  core.store.create(nodeObject('one'))
  core.store.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  core.store.create(serviceObject('shop', 'target'))
  core.store.create(appObject('shop', 'target', { node: 'one' }))
  core.store.create(appObject('shop', 'client', { node: 'one' }))
  const [target] = await core.untilReady('shop', 'target', 1)
  const [client] = await core.untilReady('shop', 'client', 1)
  assert.ok(target && client)
  const runner = core.agents.runners().find(({ uid }) => uid === client.metadata.uid)
  const address = runner?.captures.get('shop/target') ?? ''
  await eventually(address, 80)
  let asked = 0
  /** Whether a new request is found in the log of the client's and of the server's sidecar. */
  const seen = async (): Promise<string> => {
    asked += 1
    await getText(address, 80, `/asked/${asked}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const mark = `/asked/${asked}`
    return [client, target].map((pod) => (logOf(core, pod).includes(mark) ? 'yes' : 'no')).join(' ')
  }
  assert.equal(await seen(), 'no no', 'off by default, as in Istio')

  setMesh(core, 'accessLogFile: /dev/stdout\n')
  await until('both log', async () => (await seen()) === 'yes yes')
  assert.match(
    logOf(core, target),
    /^\[[-:.TZ\d]+\] "GET \/asked\/\d+ HTTP\/1\.1" 200 - via_upstream - "-" 0 \d+ \d+ \d+ "-" "-" "[-\da-f]{36}" "127\.[.\d]+" "127\.[.\d]+:8080" inbound\|8080\|\| /m,
  )

  setMesh(core, 'accessLogFile: /dev/stdout\naccessLogEncoding: JSON\n')
  await until('it is JSON', async () => {
    await seen()
    return /^\{"start_time":/m.test(logOf(core, client))
  })

  const telemetry = (name: string, spec: object): void => {
    core.store.create({ ...meshKinds.telemetry, metadata: { name, namespace: 'shop' }, spec })
  }
  telemetry('servers', {
    accessLogging: [
      { disabled: true },
      { match: { mode: 'SERVER' }, providers: [{ name: 'envoy' }], filter: { expression: 'true' } },
    ],
  })
  await until('only servers log', async () => (await seen()) === 'no yes')
  telemetry('quiet', {
    selector: { matchLabels: { app: 'target' } },
    accessLogging: [{ disabled: true }],
  })
  await until('nobody logs', async () => (await seen()) === 'no no')
  const message = await core.until('a condition', meshKinds.telemetry, () => {
    const { status } =
      core.store.get({ ...meshKinds.telemetry, name: 'servers', namespace: 'shop' }) ?? {}
    return (status as { conditions?: Condition[] } | undefined)?.conditions?.[0]?.message
  })
  assert.equal(message, 'not enforced as written: accessLogging.filter')
  assert.deepEqual(core.notices, [])
})
