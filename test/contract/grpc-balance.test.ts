import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { type TestContext, test } from 'node:test'
import type { Workload } from '../../proxies/config/mesh-state.ts'
import { SERVICE_KEY, SERVICE_PORT, startSidecarPair, workload } from '../support/sidecar-pair.ts'
import { startWaypointPath } from '../support/waypoint-path.ts'
import { call, type GrpcApp, grpcMessage, startGrpcApp } from './grpc-app.ts'

const CALLS = 60

/** A second pod of the service, outside the mesh. */
function plainPod({ address }: GrpcApp): Workload {
  return workload('other', address.host, {
    services: { [SERVICE_KEY]: { [SERVICE_PORT]: address.port } },
  })
}

async function bothApps(t: TestContext): Promise<readonly [GrpcApp, GrpcApp]> {
  const apps = [await startGrpcApp('first'), await startGrpcApp('second')] as const
  t.after(() => {
    for (const app of apps) app.close()
  })
  return apps
}

/** Calls one after another over one connection of the client. */
async function callMany(t: TestContext, host: string, port: number): Promise<void> {
  const client = http2.connect(`http://${host}:${port}`)
  t.after(() => client.destroy())
  await once(client, 'connect')
  for (let n = 0; n < CALLS; n++) {
    const { trailers } = await call(client, '/shop.Cart/Echo', grpcMessage(`${n}`))
    assert.equal(trailers['grpc-status'], '0')
  }
}

function assertShared(apps: readonly GrpcApp[]): void {
  const counts = apps.map((app) => app.calls())
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    CALLS,
  )
  for (const count of counts) assert.ok(count >= CALLS / 6, `${counts} calls`)
}

test('a sidecar spreads the calls of one connection over the pods of a service', async (t) => {
  const apps = await bothApps(t)
  const pair = await startSidecarPair({
    app: apps[0].address,
    protocol: 'grpc',
    otherEndpoints: [plainPod(apps[1])],
  })
  t.after(() => pair.stop())
  await callMany(t, pair.address.host, pair.address.port)
  assertShared(apps)
})

test('a waypoint spreads the calls of one tunnel over the pods of a service', async (t) => {
  const apps = await bothApps(t)
  const path = await startWaypointPath(apps[0].address, 'grpc')
  t.after(() => path.stop())
  await path.changeEndpoints((server) => [server, plainPod(apps[1])])
  await callMany(t, path.address.host, path.address.port)
  assertShared(apps)
})

test('K40: an HTTP/1.1 client reaches a service that speaks HTTP/2', async (t) => {
  const app = await startGrpcApp()
  t.after(() => app.close())
  const pair = await startSidecarPair({ app: app.address, protocol: 'http2' })
  t.after(() => pair.stop())
  const { host, port } = pair.address
  const response = await fetch(`http://${host}:${port}/plain`, { method: 'POST', body: 'hello' })
  assert.equal(response.status, 200)
  assert.equal(await response.text(), 'hello')
})
