import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Service } from '../../proxies/config/mesh-state.ts'
import { HbonePool } from '../../proxies/hbone/pool.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import { exchangeRaw } from '../support/raw-client.ts'
import { CLIENT_ID, SERVICE_KEY, SERVICE_PORT } from '../support/sidecar-pair.ts'
import { startWaypointPath, WAYPOINT_ID, type WaypointPath } from '../support/waypoint-path.ts'

/** Which services a waypoint takes tunnels for: those that are bound to it. */

const STRANGER_VIP = '127.78.192.9'
const REASON = 'the authority names neither a service nor a pod of this waypoint'

let app: HttpApp
let path: WaypointPath
const pool = new HbonePool()
before(async () => {
  app = await startHttpApp()
  path = await startWaypointPath(app.address)
})
after(async () => {
  pool.close()
  app?.close()
  await path?.stop()
})

const unbound = ({ waypoint: _, ...rest }: Service): Service => rest
const stranger = (shop: Service): Service => ({
  ...unbound(shop),
  name: 'stranger',
  hostname: 'stranger.shop.svc.cluster.local',
  vips: [`/${STRANGER_VIP}`],
})

async function open(authority: string): Promise<void> {
  const stream = await pool.open(
    {
      credential: createCredential(await path.authority.issue(CLIENT_ID)),
      expectedIdentities: [WAYPOINT_ID],
      nextHop: path.gateway,
    },
    { authority },
  )
  stream.destroy()
}

const ask = async (): Promise<string> =>
  (
    await exchangeRaw(path.address, 'GET /x HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n')
  ).slice(0, 12)

test('a service that is not bound to the waypoint is not reached through it', async () => {
  await path.changeServices((shop) => [shop, stranger(shop)])
  for (const host of [STRANGER_VIP, 'stranger.shop.svc.cluster.local']) {
    const authority = `${host}:${SERVICE_PORT}`
    await assert.rejects(open(authority), /http status: 404/)
    await path.waypoint.logged(new RegExp(`${REASON}.*${authority}`))
  }
  await open(`${path.vip}:${SERVICE_PORT}`)
  assert.equal(await ask(), 'HTTP/1.1 200')
})

test('a service bound to another waypoint is not reached through this one', async () => {
  const waypoint = { destination: '/127.78.1.1', hboneMtlsPort: 15008 }
  await path.changeServices((shop) => [shop, { ...stranger(shop), waypoint }])
  await assert.rejects(open(`${STRANGER_VIP}:${SERVICE_PORT}`), /http status: 404/)
})

test('a route of a bound service leads to one that is not bound', async () => {
  const backend = { service: 'shop/stranger.shop.svc.cluster.local', port: SERVICE_PORT, weight: 1 }
  const rules = [{ match: {}, action: { backends: [backend] } }]
  await path.changeServices((shop) => [shop, stranger(shop)], {
    routes: [{ service: SERVICE_KEY, port: SERVICE_PORT, rules }],
  })
  const before = app.requests.length
  assert.equal(await ask(), 'HTTP/1.1 200')
  assert.equal(app.requests.length, before + 1)
})

test('a tunnel that is faster than the news of its binding waits for it', async () => {
  await path.changeServices((shop) => [shop, stranger(shop)])
  const opening = open(`${STRANGER_VIP}:${SERVICE_PORT}`)
  setTimeout(() => {
    void path.changeServices((shop) => {
      const bound = shop.waypoint && { waypoint: shop.waypoint }
      return [shop, { ...stranger(shop), ...bound }]
    })
  }, 200)
  await opening
})

test('an unbound service is served for five more seconds', async () => {
  await path.changeServices((shop) => [unbound(shop)])
  const untilMs = performance.now() + 4_000
  while (performance.now() < untilMs) {
    assert.equal(await ask(), 'HTTP/1.1 200')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await assert.rejects(open(`${path.vip}:${SERVICE_PORT}`), /http status: 404/)
  assert.equal(await ask(), '')
})

test('K25: no tunnel leads to the ports of a waypoint or of the mesh, whoever they are asked of', async () => {
  await path.changeServices((shop) => [shop])
  const ports = [15_000, 15_001, 15_006, 15_008, 15_020, 15_021, 15_053, 15_080, 15_090]
  for (const host of [path.gateway.host, path.vip, '127.0.0.1']) {
    const refused = (port: number): Promise<void> =>
      assert.rejects(open(`${host}:${port}`), /http status: 404/, `${host}:${port}`)
    await Promise.all(ports.map(refused))
  }
  assert.equal(await ask(), 'HTTP/1.1 200')
})
