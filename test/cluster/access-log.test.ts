import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type ConfigMap, kinds, type Pod } from '../../cluster/kinds.ts'
import { meshKinds } from '../../cluster/mesh/istio-objects.ts'
import type { Condition } from '../../cluster/objects.ts'
import { eventually, getText } from '../fixtures/http-get.ts'
import {
  namespaceObject,
  nodeObject,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { clientAndTarget, hostOf, images, soon } from '../fixtures/shop.ts'

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

test('F: the mesh configuration switches the access log of running sidecars, a Telemetry overrides it', async (t) => {
  const core = await runningCore(t, { images })
  for (const node of ['client', 'server']) core.store.create(nodeObject(node))
  core.store.create(namespaceObject('shop', { 'istio-injection': 'enabled' }))
  const { client, target } = await clientAndTarget(core)
  const address = hostOf(core, client)
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
  await soon('both log', async () => (await seen()) === 'yes yes')
  assert.match(
    logOf(core, target),
    /^\[[-:.TZ\d]+\] "GET \/asked\/\d+ HTTP\/1\.1" 200 - via_upstream - "-" 0 \d+ \d+ \d+ "-" "-" "[-\da-f]{36}" "127\.[.\d]+" "127\.[.\d]+:8080" inbound\|8080\|\| /m,
  )

  setMesh(core, 'accessLogFile: /dev/stdout\naccessLogEncoding: JSON\n')
  await soon('it is JSON', async () => {
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
  await soon('only servers log', async () => (await seen()) === 'no yes')
  telemetry('quiet', {
    selector: { matchLabels: { app: 'target' } },
    accessLogging: [{ disabled: true }],
  })
  await soon('nobody logs', async () => (await seen()) === 'no no')
  const message = await core.until('a condition', meshKinds.telemetry, () => {
    const { status } =
      core.store.get({ ...meshKinds.telemetry, name: 'servers', namespace: 'shop' }) ?? {}
    return (status as { conditions?: Condition[] } | undefined)?.conditions?.[0]?.message
  })
  assert.equal(message, 'not enforced as written: accessLogging.filter')
  assert.deepEqual(core.notices, [])
})
