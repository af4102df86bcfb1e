import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { eventually } from '../fixtures/http-get.ts'
import {
  namespaceObject,
  nodeObject,
  pidOf,
  type RunningCore,
  runningCore,
} from '../fixtures/running-core.ts'
import { addWaypoint, clientAndTarget, images, serviceOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'

const labels = {
  sidecar: { 'istio-injection': 'enabled' },
  ambient: { 'istio.io/dataplane-mode': 'ambient' },
  waypoint: { 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'waypoint' },
} as const

const ztunnelOf =
  (node: string) =>
  (core: RunningCore): number =>
    pidOf(core.pods('istio-system', 'ztunnel').find(({ spec }) => spec.nodeName === node) as Pod)
const sidecarOf =
  (app: string) =>
  (core: RunningCore): number => {
    const status = core.pods('shop', app)[0]?.status?.initContainerStatuses?.[0]
    return Number(status?.containerID?.replace('process://', ''))
  }
const waypoint = (core: RunningCore): number =>
  pidOf(core.pods('shop').find(({ spec }) => spec.serviceAccountName === 'waypoint') as Pod)

const victims: Readonly<
  Record<
    string,
    { readonly mode: keyof typeof labels; readonly pid: (core: RunningCore) => number }
  >
> = {
  "the client's sidecar": { mode: 'sidecar', pid: sidecarOf('client') },
  "the server's sidecar": { mode: 'sidecar', pid: sidecarOf('target') },
  "the ztunnel of the client's node": { mode: 'ambient', pid: ztunnelOf('client') },
  "the ztunnel of the server's node": { mode: 'ambient', pid: ztunnelOf('server') },
  'the waypoint': { mode: 'waypoint', pid: waypoint },
}

/** How long callers may see errors on a quiet machine. */
const RECOVERY_MS = 2_000
/** What a node process that does nothing takes from spawn to exit on a quiet machine; generous. */
const QUIET_SPAWN_MS = 80
/** A proxy starts like any other process, so that a machine too busy for the one is so for the other. */
const MOST_SLOWNESS = 4

/** 1 on a quiet machine, measured under the load that the recovery is under. */
async function machineSlowness(): Promise<number> {
  const startedMs = performance.now()
  await once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'exit')
  const slowness = (performance.now() - startedMs) / QUIET_SPAWN_MS
  return Math.min(MOST_SLOWNESS, Math.max(1, slowness))
}

async function shop(t: TestContext, mode: keyof typeof labels): Promise<RunningCore> {
  const core = await runningCore(t, { images })
  const ztunnel: Record<string, string> = {}
  if (mode !== 'sidecar') ztunnel['meshbench.dev/ztunnel'] = 'true'
  core.store.create(nodeObject('client', ztunnel))
  core.store.create(nodeObject('server', ztunnel))
  core.store.create(namespaceObject('shop', labels[mode]))
  if (mode === 'waypoint') {
    await addWaypoint(core, 'server')
  }
  return core
}

for (const [who, { mode, pid }] of Object.entries(victims)) {
  test(`${who} is killed under 500 requests/s: errors only while it is gone`, async (t) => {
    const core = await shop(t, mode)
    const { client, target } = await clientAndTarget(core)
    if (mode !== 'sidecar') await core.untilReady('istio-system', 'ztunnel', 2)
    const service = await serviceOf(core, client)
    await eventually(service.host, service.port)
    const load = new SteadyLoad(service)
    t.after(() => load.stop())
    await load.more(250)
    assert.equal(load.failed, 0)
    const victim = pid(core)
    const killedMs = performance.now()
    process.kill(victim, 'SIGKILL')
    await core.until('another process in its place', kinds.pod, () => {
      const now = pid(core)
      return now > 0 && now !== victim
    })
    const slowness = await machineSlowness()
    await load.more(750)
    const { failures, failedSentMs, answered } = await load.stop()
    const lastMs = Math.max(killedMs, ...failedSentMs) - killedMs
    t.diagnostic(
      `${failures.length} of ${answered + failures.length} failed, the last ${Math.round(lastMs)} ms after the kill, machine ${slowness.toFixed(1)} times slow`,
    )
    const allowedMs = RECOVERY_MS * slowness
    assert.ok(
      lastMs < allowedMs,
      `errors for ${lastMs} of ${allowedMs} ms: ${[...new Set(failures)]}`,
    )
    for (const pod of [client, target]) {
      const now = core.pods('shop').find(({ metadata }) => metadata.uid === pod.metadata.uid)
      assert.equal(now && pidOf(now), pidOf(pod), 'the application went on')
      assert.equal(now?.status?.containerStatuses?.[0]?.restartCount, 0)
    }
  })
}
